// SPDX-License-Identifier: MIT
#include <Ice/Ice.h>
#include <iostream>

#include "Add.h"

class AdderImpl final : public add::Adder
{
	int add(int x, int y, const Ice::Current &) override
	{
		return x + y;
	}
};

int main(int argc, char **argv)
{
	try {
		Ice::CommunicatorHolder ice(argc, argv);
		auto adapter = ice->createObjectAdapterWithEndpoints("adder", "tcp -h 127.0.0.1");
		auto proxy =
			adapter->add(std::make_shared<AdderImpl>(), Ice::stringToIdentity("adder"));

		adapter->activate();
		std::cout << proxy->ice_toString() << std::endl;
		ice->waitForShutdown();
	} catch (const std::exception &e) {
		std::cerr << "server: " << e.what() << '\n';
		return 1;
	}
	return 0;
}
