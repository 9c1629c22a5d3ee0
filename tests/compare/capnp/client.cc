// SPDX-License-Identifier: MIT
#include <capnp/ez-rpc.h>
#include <iostream>

#include "add.capnp.h"

int main(int argc, char **argv)
{
	try {
		capnp::EzRpcClient client(argc > 1 ? argv[1] : "");
		auto request = client.getMain<Adder>().addRequest();

		request.setX(1);
		request.setY(2);
		std::cout << request.send().wait(client.getWaitScope()).getSum() << '\n';
	} catch (const kj::Exception &e) {
		std::cerr << "add: " << e.getDescription().cStr() << '\n';
		return 1;
	}
	return 0;
}
