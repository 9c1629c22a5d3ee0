// SPDX-License-Identifier: MIT
#include <iostream>

#include "add.hh"

int main(int argc, char **argv)
{
	try {
		CORBA::ORB_var orb = CORBA::ORB_init(argc, argv);
		CORBA::Object_var object = orb->string_to_object(argc > 1 ? argv[1] : "");
		add::Adder_var adder = add::Adder::_narrow(object);

		std::cout << adder->add(1, 2) << '\n';
		orb->destroy();
	} catch (const CORBA::Exception &e) {
		std::cerr << "add: " << e._name() << '\n';
		return 1;
	}
	return 0;
}
