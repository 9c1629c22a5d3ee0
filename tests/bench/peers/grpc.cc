// SPDX-License-Identifier: MIT
// gRPC C++: a synchronous server; a synchronous client, and an asynchronous one for calls in
// flight.
#include "grpc.grpc.pb.h"

#include <grpcpp/grpcpp.h>

#include "drive.h"

using grpc::Status;

namespace
{

void check(const Status &status)
{
	if (!status.ok())
		bench_fail("status %d: %s", status.error_code(), status.error_message().c_str());
}

struct Adder : peer::Adder::Service {
	Status Add(grpc::ServerContext *, const peer::Pair *pair, peer::Number *ret) override
	{
		ret->set_value(pair->x() + pair->y());
		return Status::OK;
	}
	Status Echo(grpc::ServerContext *, const peer::Bytes *data, peer::Bytes *ret) override
	{
		ret->set_items(data->items());
		return Status::OK;
	}
	Status Count(grpc::ServerContext *, const peer::Number *n,
		     grpc::ServerWriter<peer::Number> *writer) override
	{
		peer::Number item;
		for (int64_t i = 0; i < n->value(); i++) {
			item.set_value(i);
			writer->Write(item);
		}
		return Status::OK;
	}
	Status Total(grpc::ServerContext *, grpc::ServerReader<peer::Number> *reader,
		     peer::Number *ret) override
	{
		peer::Number item;
		int64_t sum = 0;
		while (reader->Read(&item))
			sum += item.value();
		ret->set_value(sum);
		return Status::OK;
	}
};

void serve(const bench_options *options)
{
	Adder adder;
	int port = 0;
	grpc::ServerBuilder builder;
	std::string place =
		options->socket ? std::string("unix:") + options->socket : "127.0.0.1:0";
	builder.SetMaxReceiveMessageSize(-1);
	builder.AddListeningPort(place, grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&adder);
	auto server = builder.BuildAndStart();
	if (!server)
		bench_fail("cannot listen on %s", place.c_str());
	if (!options->socket)
		place = "127.0.0.1:" + std::to_string(port);
	bench_print_address(place.c_str());
	server->Wait();
}

struct End {
	std::unique_ptr<peer::Adder::Stub> stub;
	grpc::CompletionQueue queue;
};

peer::Adder::Stub *of(void *end)
{
	return static_cast<End *>(end)->stub.get();
}

void *open(const char *address)
{
	grpc::ChannelArguments arguments;
	auto end = new End;
	arguments.SetMaxReceiveMessageSize(-1);
	arguments.SetInt("grpc.use_local_subchannel_pool", 1);
	end->stub = peer::Adder::NewStub(
		grpc::CreateCustomChannel(address, grpc::InsecureChannelCredentials(), arguments));
	return end;
}

void close(void *end)
{
	delete static_cast<End *>(end);
}

peer::Pair pair_of(struct bench_sum sum)
{
	peer::Pair pair;
	pair.set_x(sum.x);
	pair.set_y(sum.y);
	return pair;
}

int32_t add(void *end, struct bench_sum sum)
{
	grpc::ClientContext context;
	peer::Number ret;
	check(of(end)->Add(&context, pair_of(sum), &ret));
	return static_cast<int32_t>(ret.value());
}

struct Flying {
	bench_call *call;
	grpc::ClientContext context;
	peer::Number ret;
	Status status;
	std::unique_ptr<grpc::ClientAsyncResponseReader<peer::Number>> reader;
};

void start(void *end, bench_call *call)
{
	auto flying = new Flying{ .call = call };
	flying->reader = of(end)->AsyncAdd(&flying->context, pair_of(call->sum),
					   &static_cast<End *>(end)->queue);
	flying->reader->Finish(&flying->ret, &flying->status, flying);
}

bench_call *finish(void *end, bench_call *)
{
	void *tag;
	bool ok;
	if (!static_cast<End *>(end)->queue.Next(&tag, &ok) || !ok)
		bench_fail("the queue ended");
	std::unique_ptr<Flying> flying(static_cast<Flying *>(tag));
	check(flying->status);
	flying->call->answer = static_cast<int32_t>(flying->ret.value());
	return flying->call;
}

void echo(void *end, const uint8_t *data, size_t n)
{
	grpc::ClientContext context;
	peer::Bytes bytes, came;
	bytes.set_items(data, n);
	check(of(end)->Echo(&context, bytes, &came));
	bench_check_bytes(data, n, came.items().data(), came.items().size());
}

void count(void *end, int32_t n)
{
	grpc::ClientContext context;
	peer::Number number;
	int64_t i = 0;
	number.set_value(n);
	auto reader = of(end)->Count(&context, number);
	for (; reader->Read(&number); i++)
		if (number.value() != i)
			bench_fail("item %lld came instead of %lld", (long long)number.value(),
				   (long long)i);
	check(reader->Finish());
	if (i != n)
		bench_fail("%lld items came", (long long)i);
}

void total(void *end, int32_t n)
{
	grpc::ClientContext context;
	peer::Number number, sum;
	auto writer = of(end)->Total(&context, &sum);
	for (int32_t i = 0; i < n; i++) {
		number.set_value(i);
		writer->Write(number);
	}
	writer->WritesDone();
	check(writer->Finish());
	if (sum.value() != int64_t{ n } * (n - 1) / 2)
		bench_fail("the total is %lld", (long long)sum.value());
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
			    .count = count,
			    .total = total,
			    .is_shared = true };

	return bench_either(argc, argv, &peer, serve);
}
