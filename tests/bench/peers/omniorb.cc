// SPDX-License-Identifier: MIT
// omniORB. Its client takes a connection for each thread that calls; answers do not overtake each
// other, and there are no calls in flight.
#include "omniorb.hh"

#include "drive.h"

#include <string>

namespace
{

CORBA::ORB_var orb;

struct Adder : POA_omni::Adder {
	CORBA::Long add(CORBA::Long x, CORBA::Long y) override
	{
		return x + y;
	}
	void note(CORBA::Long) override
	{
	}
	omni::Bytes *echo(const omni::Bytes &data) override
	{
		return new omni::Bytes(data);
	}
};

// A unix door of omniORB's refuses for a moment when many knock at once.
CORBA::Boolean try_again(void *, CORBA::ULong n_tries, const CORBA::TRANSIENT &)
{
	return n_tries < 1000;
}

void init(const char *place)
{
	const char *options[][2] = { { "giopMaxMsgSize", "268435456" },
				     { "maxGIOPConnectionPerServer", "64" },
				     { place ? "endPoint" : nullptr, place },
				     { nullptr, nullptr } };
	int argc = 0;

	orb = CORBA::ORB_init(argc, nullptr, "omniORB4", options);
	omniORB::installTransientExceptionHandler(nullptr, try_again);
}

void serve(const bench_options &options)
{
	std::string place =
		options.socket ? std::string("giop:unix:") + options.socket : "giop:tcp:127.0.0.1:";
	init(place.c_str());
	CORBA::Object_var found = orb->resolve_initial_references("RootPOA");
	PortableServer::POA_var poa = PortableServer::POA::_narrow(found);
	PortableServer::Servant_var<Adder> adder = new Adder;
	poa->activate_object(adder);
	omni::Adder_var reference = adder->_this();
	CORBA::String_var text = orb->object_to_string(reference);
	PortableServer::POAManager_var manager = poa->the_POAManager();
	manager->activate();
	bench_print_address(text);
	orb->run();
}

omni::Adder_ptr of(void *end)
{
	return static_cast<omni::Adder_ptr>(end);
}

void *open(const char *address)
{
	CORBA::Object_var object = orb->string_to_object(address);
	return omni::Adder::_narrow(object);
}

void close(void *end)
{
	CORBA::release(of(end));
}

int32_t add(void *end, struct bench_sum sum)
{
	return of(end)->add(sum.x, sum.y);
}

void echo(void *end, const uint8_t *data, size_t n)
{
	omni::Bytes bytes(n, n, const_cast<uint8_t *>(data), false);
	omni::Bytes_var came = of(end)->echo(bytes);
	bench_check_bytes(data, n, came->get_buffer(), came->length());
}

void note(void *end, int32_t x)
{
	of(end)->note(x);
}

} // namespace

int main(int argc, char **argv)
{
	bench_peer peer = { .open = open,
			    .close = close,
			    .add = add,
			    .echo = echo,
			    .note = note,
			    .is_shared = true };
	bench_options options;

	bench_start(&options, argc, argv, BENCH_EITHER);
	if (!options.address) {
		serve(options);
		return 0;
	}
	init(nullptr);
	bench_drive(&options, &peer);
	orb->destroy();
	return 0;
}
