// SPDX-License-Identifier: MIT
// Cap'n Proto: an event loop at each end; a client belongs to the thread that made it.
#include "capnp.capnp.h"

#include <capnp/ez-rpc.h>

#include "drive.h"

#include <string>

namespace
{

capnp::ReaderOptions limits()
{
	capnp::ReaderOptions options;
	options.traversalLimitInWords = UINT64_MAX;
	return options;
}

struct Impl final : Adder::Server {
	kj::Promise<void> add(AddContext context) override
	{
		auto pair = context.getParams();
		context.getResults().setSum(pair.getX() + pair.getY());
		return kj::READY_NOW;
	}
	kj::Promise<void> echo(EchoContext context) override
	{
		context.getResults().setData(context.getParams().getData());
		return kj::READY_NOW;
	}
};

void serve(const bench_options *options)
{
	std::string place = options->socket ? std::string("unix:") + options->socket : "127.0.0.1";
	capnp::EzRpcServer server(kj::heap<Impl>(), place, 0, limits());
	auto &scope = server.getWaitScope();
	uint port = server.getPort().wait(scope);
	if (!options->socket)
		place += ":" + std::to_string(port);
	bench_print_address(place.c_str());
	kj::NEVER_DONE.wait(scope);
}

struct End {
	capnp::EzRpcClient client;
	Adder::Client adder;
	explicit End(const char *address)
	    : client(address, 0, limits()), adder(client.getMain<Adder>())
	{
	}
	kj::WaitScope &scope()
	{
		return client.getWaitScope();
	}
};

End *of(void *end)
{
	return static_cast<End *>(end);
}

void *open(const char *address)
{
	return new End(address);
}

void close(void *end)
{
	delete of(end);
}

using Promise = capnp::RemotePromise<Adder::AddResults>;

Promise send(void *end, struct bench_sum sum)
{
	auto request = of(end)->adder.addRequest();
	request.setX(sum.x);
	request.setY(sum.y);
	return request.send();
}

int32_t add(void *end, struct bench_sum sum)
{
	return send(end, sum).wait(of(end)->scope()).getSum();
}

void start(void *end, bench_call *call)
{
	call->own = new Promise(send(end, call->sum));
}

bench_call *finish(void *end, bench_call *oldest)
{
	auto promise = static_cast<Promise *>(oldest->own);
	oldest->answer = promise->wait(of(end)->scope()).getSum();
	delete promise;
	return oldest;
}

void echo(void *end, const uint8_t *data, size_t n)
{
	auto request = of(end)->adder.echoRequest();
	request.setData(capnp::Data::Reader(data, n));
	auto response = request.send().wait(of(end)->scope());
	bench_check_bytes(data, n, response.getData().begin(), response.getData().size());
}

} // namespace

int main(int argc, char **argv)
{
	bench_peer peer = { .open = open,
			    .close = close,
			    .add = add,
			    .start = start,
			    .finish = finish,
			    .echo = echo };

	return bench_either(argc, argv, &peer, serve);
}
