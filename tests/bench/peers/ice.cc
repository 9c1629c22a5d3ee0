// SPDX-License-Identifier: MIT
// ZeroC Ice, its C++11 mapping, over TCP: it knows no unix sockets.
#include "ice.h"

#include <Ice/Ice.h>

#include "drive.h"

namespace
{

std::shared_ptr<Ice::Communicator> communicator;

using Items = std::pair<const Ice::Byte *, const Ice::Byte *>;

struct Adder : peer::Adder {
	int add(int x, int y, const Ice::Current &) override
	{
		return x + y;
	}
	void note(int, const Ice::Current &) override
	{
	}
	peer::Bytes echo(Items data, const Ice::Current &) override
	{
		return peer::Bytes(data.first, data.second);
	}
};

void init()
{
	Ice::InitializationData data;
	data.properties = Ice::createProperties();
	data.properties->setProperty("Ice.MessageSizeMax", "262144"); // KiB
	data.properties->setProperty("Ice.ACM.Close", "0");
	communicator = Ice::initialize(data);
}

void serve()
{
	auto adapter = communicator->createObjectAdapterWithEndpoints("bench", "tcp -h 127.0.0.1");
	adapter->add(std::make_shared<Adder>(), Ice::stringToIdentity("adder"));
	adapter->activate();
	auto info = std::dynamic_pointer_cast<Ice::IPEndpointInfo>(
		adapter->getEndpoints().at(0)->getInfo());
	bench_print_address(std::to_string(info->port).c_str());
	communicator->waitForShutdown();
}

struct End {
	std::shared_ptr<peer::AdderPrx> proxy, oneway;
};

peer::AdderPrx *of(void *end)
{
	return static_cast<End *>(end)->proxy.get();
}

void *open(const char *address)
{
	static int n; // a connection for each end
	auto end = new End;
	auto proxy =
		communicator->stringToProxy(std::string("adder:tcp -h 127.0.0.1 -p ") + address);
	proxy = proxy->ice_connectionId(std::to_string(n++));
	end->proxy = Ice::uncheckedCast<peer::AdderPrx>(proxy);
	end->oneway = end->proxy->ice_oneway();
	return end;
}

void close(void *end)
{
	if (auto connection = of(end)->ice_getCachedConnection())
		connection->close(Ice::ConnectionClose::Gracefully);
	delete static_cast<End *>(end);
}

int32_t add(void *end, struct bench_sum sum)
{
	return of(end)->add(sum.x, sum.y);
}

void start(void *end, bench_call *call)
{
	call->own = new std::future<int>(of(end)->addAsync(call->sum.x, call->sum.y));
}

bench_call *finish(void *, bench_call *oldest)
{
	std::unique_ptr<std::future<int>> future(static_cast<std::future<int> *>(oldest->own));
	oldest->answer = future->get();
	return oldest;
}

void echo(void *end, const uint8_t *data, size_t n)
{
	peer::Bytes came = of(end)->echo(Items(data, data + n));
	bench_check_bytes(data, n, came.data(), came.size());
}

void note(void *end, int32_t x)
{
	static_cast<End *>(end)->oneway->note(x);
}

} // namespace

int main(int argc, char **argv)
{
	bench_peer peer = { .open = open,
			    .close = close,
			    .add = add,
			    .start = start,
			    .finish = finish,
			    .echo = echo,
			    .note = note,
			    .is_shared = true };
	bench_options options;

	bench_start(&options, argc, argv, BENCH_EITHER);
	init();
	if (options.address)
		bench_drive(&options, &peer);
	else
		serve();
	communicator->destroy();
	return 0;
}
