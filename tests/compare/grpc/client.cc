// SPDX-License-Identifier: MIT
#include <grpcpp/grpcpp.h>
#include <iostream>

#include "add.grpc.pb.h"

int main(int argc, char **argv)
{
	auto channel =
		grpc::CreateChannel(argc > 1 ? argv[1] : "", grpc::InsecureChannelCredentials());
	auto adder = add::Adder::NewStub(channel);
	grpc::ClientContext context;
	add::AddRequest request;
	add::AddReply reply;

	request.set_x(1);
	request.set_y(2);
	grpc::Status status = adder->Add(&context, request, &reply);
	if (!status.ok()) {
		std::cerr << "add: " << status.error_message() << '\n';
		return 1;
	}
	std::cout << reply.sum() << '\n';
	return 0;
}
