// SPDX-License-Identifier: MIT
#include <iostream>

#include "add.hh"

class AdderImpl : public POA_add::Adder
{
	CORBA::Long add(CORBA::Long x, CORBA::Long y) override
	{
		return x + y;
	}
};

int main(int argc, char **argv)
{
	try {
		CORBA::ORB_var orb = CORBA::ORB_init(argc, argv);
		CORBA::Object_var object = orb->resolve_initial_references("RootPOA");
		PortableServer::POA_var poa = PortableServer::POA::_narrow(object);
		PortableServer::Servant_var<AdderImpl> adder = new AdderImpl;
		PortableServer::ObjectId_var id = poa->activate_object(adder);
		add::Adder_var reference = adder->_this();
		CORBA::String_var ior = orb->object_to_string(reference);
		PortableServer::POAManager_var manager = poa->the_POAManager();

		manager->activate();
		std::cout << ior << std::endl;
		orb->run();
	} catch (const CORBA::Exception &e) {
		std::cerr << "server: " << e._name() << '\n';
		return 1;
	}
	return 0;
}
