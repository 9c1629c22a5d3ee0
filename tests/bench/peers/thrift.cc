// SPDX-License-Identifier: MIT
// Thrift: binary protocol, buffers of 64 KiB, a thread of the server for each connection. Calls in
// flight are the two halves of its stubs, in order.
#include "Adder.h"

#include <thrift/protocol/TBinaryProtocol.h>
#include <thrift/server/TThreadedServer.h>
#include <thrift/transport/TBufferTransports.h>
#include <thrift/transport/TServerSocket.h>
#include <thrift/transport/TSocket.h>

#include "drive.h"

#include <climits>

using namespace apache::thrift;
using transport::TTransport;

namespace
{

constexpr uint32_t buffer = 64 * 1024;

std::shared_ptr<TConfiguration> config()
{
	return std::make_shared<TConfiguration>(INT_MAX, INT_MAX);
}

struct Adder : thrifty::AdderIf {
	int32_t add(int32_t x, int32_t y) override
	{
		return x + y;
	}
	void note(int32_t) override
	{
	}
	void echo(std::string &ret, const std::string &data) override
	{
		ret = data;
	}
};

struct Buffers : transport::TTransportFactory {
	std::shared_ptr<TTransport> getTransport(std::shared_ptr<TTransport> socket) override
	{
		return std::make_shared<transport::TBufferedTransport>(socket, buffer, config());
	}
};

// Tells where it listens.
struct Events : server::TServerEventHandler {
	std::shared_ptr<transport::TServerSocket> door;
	std::string path;
	void preServe() override
	{
		bench_print_address(
			(path.empty() ? std::to_string(door->getPort()) : path).c_str());
	}
};

void serve(const bench_options *options)
{
	auto events = std::make_shared<Events>();
	events->path = options->socket ? options->socket : "";
	events->door = options->socket ? std::make_shared<transport::TServerSocket>(events->path)
				       : std::make_shared<transport::TServerSocket>("127.0.0.1", 0);
	server::TThreadedServer server(
		std::make_shared<thrifty::AdderProcessor>(std::make_shared<Adder>()), events->door,
		std::make_shared<Buffers>(), std::make_shared<protocol::TBinaryProtocolFactory>());
	server.setServerEventHandler(events);
	server.serve();
}

struct End {
	std::shared_ptr<transport::TSocket> socket;
	std::unique_ptr<thrifty::AdderClient> client;
};

thrifty::AdderClient *of(void *end)
{
	return static_cast<End *>(end)->client.get();
}

void *open(const char *address)
{
	auto end = new End;
	end->socket = address[0] == '/' ? std::make_shared<transport::TSocket>(address, config())
					: std::make_shared<transport::TSocket>(
						  "127.0.0.1", atoi(address), config());
	end->socket->open();
	end->client =
		std::make_unique<thrifty::AdderClient>(std::make_shared<protocol::TBinaryProtocol>(
			std::make_shared<transport::TBufferedTransport>(end->socket, buffer,
									config())));
	return end;
}

void close(void *end)
{
	delete static_cast<End *>(end);
}

int32_t add(void *end, struct bench_sum sum)
{
	return of(end)->add(sum.x, sum.y);
}

void start(void *end, bench_call *call)
{
	of(end)->send_add(call->sum.x, call->sum.y);
}

bench_call *finish(void *end, bench_call *oldest)
{
	oldest->answer = of(end)->recv_add();
	return oldest;
}

void echo(void *end, const uint8_t *data, size_t n)
{
	std::string came;
	of(end)->echo(came, std::string(reinterpret_cast<const char *>(data), n));
	bench_check_bytes(data, n, came.data(), came.size());
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
			    .start = start,
			    .finish = finish,
			    .echo = echo,
			    .note = note };

	return bench_either(argc, argv, &peer, serve);
}
