// SPDX-License-Identifier: MIT
#include <grpcpp/grpcpp.h>
#include <iostream>

#include "add.grpc.pb.h"

class Adder final : public add::Adder::Service
{
	grpc::Status Add(grpc::ServerContext *, const add::AddRequest *request,
			 add::AddReply *reply) override
	{
		reply->set_sum(request->x() + request->y());
		return grpc::Status::OK;
	}
};

int main()
{
	Adder adder;
	grpc::ServerBuilder builder;
	int port = 0;

	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&adder);
	std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
	if (!server) {
		std::cerr << "server: cannot listen\n";
		return 1;
	}
	std::cout << "127.0.0.1:" << port << std::endl;
	server->Wait();
	return 0;
}
