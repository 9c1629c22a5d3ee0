// SPDX-License-Identifier: MIT
#include <Ice/Ice.h>
#include <iostream>

#include "Add.h"

int main(int argc, char **argv)
{
	try {
		Ice::CommunicatorHolder ice(argc, argv);
		auto proxy = ice->stringToProxy(argc > 1 ? argv[1] : "");
		auto adder = Ice::uncheckedCast<add::AdderPrx>(proxy);

		std::cout << adder->add(1, 2) << '\n';
	} catch (const std::exception &e) {
		std::cerr << "add: " << e.what() << '\n';
		return 1;
	}
	return 0;
}
