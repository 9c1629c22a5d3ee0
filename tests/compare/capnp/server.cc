// SPDX-License-Identifier: MIT
#include <capnp/ez-rpc.h>
#include <iostream>

#include "add.capnp.h"

class AdderImpl final : public Adder::Server
{
	kj::Promise<void> add(AddContext context) override
	{
		auto params = context.getParams();

		context.getResults().setSum(params.getX() + params.getY());
		return kj::READY_NOW;
	}
};

int main()
{
	capnp::EzRpcServer server(kj::heap<AdderImpl>(), "127.0.0.1", 0);
	auto &scope = server.getWaitScope();

	std::cout << "127.0.0.1:" << server.getPort().wait(scope) << std::endl;
	kj::NEVER_DONE.wait(scope);
}
