// SPDX-License-Identifier: MIT
// The cases of gRPC's interoperability tests for libgrpc++: testing-cc client ADDRESS prints "ok <case>" or "not ok <case>: ...";
// testing-cc server prints its address and serves until standard input ends.
#include <cstdio>
#include <functional>
#include <iostream>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include <grpcpp/grpcpp.h>

#include "testing.grpc.pb.h"

using namespace grpc::testing;
using grpc::ClientContext;
using grpc::ServerContext;
using grpc::Status;
using grpc::StatusCode;

static const int large_request = 271828, large_response = 314159;
static const std::vector<int> requests = { 27182, 8, 1828, 45904 }, responses = { 31415, 9, 2653, 58979 };
static const char initial[] = "x-grpc-test-echo-initial", trailing[] = "x-grpc-test-echo-trailing-bin";

// ---- the server ----

class Service final : public TestService::Service {
	static void echo(ServerContext *context)
	{
		auto &metadata = context->client_metadata();
		auto first = metadata.find(initial), last = metadata.find(trailing);

		if (first != metadata.end())
			context->AddInitialMetadata(initial, { first->second.data(), first->second.size() });
		if (last != metadata.end())
			context->AddTrailingMetadata(trailing, { last->second.data(), last->second.size() });
	}

	template <typename Request> static Status told(const Request &request)
	{
		auto &status = request.response_status();
		return { static_cast<StatusCode>(status.code()), status.message() };
	}

	template <typename Stream> static void put(const StreamingOutputCallRequest &request, Stream *stream)
	{
		StreamingOutputCallResponse response;

		for (auto &wanted : request.response_parameters()) {
			response.mutable_payload()->set_body(std::string(wanted.size(), '\0'));
			stream->Write(response);
		}
	}

	Status EmptyCall(ServerContext *context, const Empty *, Empty *) override
	{
		echo(context);
		return Status::OK;
	}

	Status UnaryCall(ServerContext *context, const SimpleRequest *request, SimpleResponse *response) override
	{
		echo(context);
		response->mutable_payload()->set_body(std::string(request->response_size(), '\0'));
		response->set_username(context->raw_deadline().tv_sec == INT64_MAX ? "none" : "some");
		return told(*request);
	}

	Status StreamingOutputCall(ServerContext *, const StreamingOutputCallRequest *request,
				   grpc::ServerWriter<StreamingOutputCallResponse> *stream) override
	{
		put(*request, stream);
		return Status::OK;
	}

	Status StreamingInputCall(ServerContext *, grpc::ServerReader<StreamingInputCallRequest> *stream,
				  StreamingInputCallResponse *response) override
	{
		StreamingInputCallRequest request;
		int sum = 0;

		while (stream->Read(&request))
			sum += static_cast<int>(request.payload().body().size());
		response->set_aggregated_payload_size(sum);
		return Status::OK;
	}

	Status FullDuplexCall(
		ServerContext *context,
		grpc::ServerReaderWriter<StreamingOutputCallResponse, StreamingOutputCallRequest> *stream) override
	{
		StreamingOutputCallRequest request;

		echo(context);
		while (stream->Read(&request)) {
			if (request.response_status().code())
				return told(request);
			put(request, stream);
		}
		return Status::OK;
	}
};

static int serve()
{
	grpc::ServerBuilder builder;
	Service service;
	int port = 0;

	builder.AddListeningPort("127.0.0.1:0", grpc::InsecureServerCredentials(), &port);
	builder.RegisterService(&service);
	auto server = builder.BuildAndStart();
	if (!server)
		return 1;
	std::cout << "127.0.0.1:" << port << std::endl;
	while (std::getchar() != EOF)
		;
	server->Shutdown(std::chrono::system_clock::now());
	return 0;
}

// ---- the client ----

#define WANT(condition)                                                                                                    \
	do {                                                                                                               \
		if (!(condition))                                                                                          \
			throw std::runtime_error("line " + std::to_string(__LINE__) + ": " #condition);                    \
	} while (0)

struct Context : ClientContext {
	explicit Context(int ms = 20000)
	{
		if (ms)
			set_deadline(std::chrono::system_clock::now() + std::chrono::milliseconds(ms));
	}
};

struct Client {
	std::unique_ptr<TestService::Stub> stub;
	std::string address;

	explicit Client(const std::string &where, grpc::ChannelArguments arguments = {}) : address(where)
	{
		arguments.SetInt("grpc.enable_http_proxy", 0);
		arguments.SetInt("grpc.use_local_subchannel_pool", 1);
		stub = TestService::NewStub(
			grpc::CreateCustomChannel(where, grpc::InsecureChannelCredentials(), arguments));
	}

	Status unary(Context &context, const SimpleRequest &request, SimpleResponse *response)
	{
		return stub->UnaryCall(&context, request, response);
	}
};

static SimpleRequest large()
{
	SimpleRequest request;

	request.set_response_size(large_response);
	request.mutable_payload()->set_body(std::string(large_request, '\0'));
	return request;
}

static StreamingOutputCallRequest output(int size, int payload)
{
	StreamingOutputCallRequest request;

	request.add_response_parameters()->set_size(size);
	request.mutable_payload()->set_body(std::string(payload, '\0'));
	return request;
}

static void empty_unary(Client &c)
{
	Context context;
	Empty empty;

	WANT(c.stub->EmptyCall(&context, empty, &empty).ok());
}

static void large_unary(Client &c)
{
	Context context;
	SimpleResponse response;

	WANT(c.unary(context, large(), &response).ok());
	WANT(response.payload().body() == std::string(large_response, '\0'));
}

static void client_streaming(Client &c)
{
	Context context;
	StreamingInputCallResponse response;
	StreamingInputCallRequest request;
	auto stream = c.stub->StreamingInputCall(&context, &response);

	for (int size : requests) {
		request.mutable_payload()->set_body(std::string(size, '\0'));
		WANT(stream->Write(request));
	}
	WANT(stream->WritesDone());
	WANT(stream->Finish().ok());
	WANT(response.aggregated_payload_size() == 74922);
}

static void server_streaming(Client &c)
{
	Context context;
	StreamingOutputCallRequest request;
	StreamingOutputCallResponse response;
	std::vector<int> got;

	for (int size : responses)
		request.add_response_parameters()->set_size(size);
	auto stream = c.stub->StreamingOutputCall(&context, request);
	while (stream->Read(&response))
		got.push_back(static_cast<int>(response.payload().body().size()));
	WANT(stream->Finish().ok());
	WANT(got == responses);
}

static void ping_pong(Client &c)
{
	Context context;
	StreamingOutputCallResponse response;
	auto stream = c.stub->FullDuplexCall(&context);

	for (size_t i = 0; i < requests.size(); i++) {
		WANT(stream->Write(output(responses[i], requests[i])));
		WANT(stream->Read(&response));
		WANT(response.payload().body().size() == static_cast<size_t>(responses[i]));
	}
	WANT(stream->WritesDone());
	WANT(!stream->Read(&response));
	WANT(stream->Finish().ok());
}

static void empty_stream(Client &c)
{
	Context context;
	StreamingOutputCallResponse response;
	auto stream = c.stub->FullDuplexCall(&context);

	WANT(stream->WritesDone());
	WANT(!stream->Read(&response));
	WANT(stream->Finish().ok());
}

static void custom_metadata(Client &c)
{
	Context context;
	SimpleResponse response;
	const std::string binary = "\xab\xab\xab";

	context.AddMetadata(initial, "test_initial_metadata_value");
	context.AddMetadata(trailing, binary);
	WANT(c.unary(context, large(), &response).ok());
	auto &back = context.GetServerTrailingMetadata();
	WANT(back.count(initial) == 1 && back.find(initial)->second == "test_initial_metadata_value");
	WANT(back.count(trailing) == 1 && back.find(trailing)->second == binary);
}

static void large_metadata(Client &c)
{
	Context context;
	Empty empty;

	context.AddMetadata(initial, std::string(1500, 'x'));
	WANT(c.stub->EmptyCall(&context, empty, &empty).ok());
	WANT(context.GetServerTrailingMetadata().find(initial)->second == std::string(1500, 'x'));
}

static void status_is(Client &c, const std::string &text)
{
	Context context;
	SimpleRequest request;
	SimpleResponse response;

	request.mutable_response_status()->set_code(2);
	request.mutable_response_status()->set_message(text);
	Status status = c.unary(context, request, &response);
	WANT(status.error_code() == StatusCode::UNKNOWN);
	WANT(status.error_message() == text);
}

static void status_code_and_message(Client &c)
{
	Context context;
	StreamingOutputCallRequest request;
	StreamingOutputCallResponse response;

	status_is(c, "test status message");
	request.mutable_response_status()->set_code(2);
	request.mutable_response_status()->set_message("test status message");
	auto stream = c.stub->FullDuplexCall(&context);
	WANT(stream->Write(request));
	stream->WritesDone();
	WANT(!stream->Read(&response));
	Status status = stream->Finish();
	WANT(status.error_code() == StatusCode::UNKNOWN && status.error_message() == "test status message");
}

static void special_status_message(Client &c)
{
	status_is(c, "\t\ntest with whitespace\r\nand Unicode BMP \xe2\x98\xba and non-BMP \xf0\x9f\x98\x88\t\n");
}

static void unimplemented_method(Client &c)
{
	Context context;
	Empty empty;

	WANT(c.stub->UnimplementedCall(&context, empty, &empty).error_code() == StatusCode::UNIMPLEMENTED);
}

static void unimplemented_service(Client &c)
{
	Context context;
	Empty empty;
	auto other = UnimplementedService::NewStub(grpc::CreateChannel(c.address, grpc::InsecureChannelCredentials()));

	WANT(other->UnimplementedCall(&context, empty, &empty).error_code() == StatusCode::UNIMPLEMENTED);
}

static void cancel_after_begin(Client &c)
{
	Context context;
	StreamingInputCallResponse response;
	auto stream = c.stub->StreamingInputCall(&context, &response);

	context.TryCancel();
	WANT(stream->Finish().error_code() == StatusCode::CANCELLED);
}

static void cancel_after_first_response(Client &c)
{
	Context context;
	StreamingOutputCallResponse response;
	auto stream = c.stub->FullDuplexCall(&context);

	WANT(stream->Write(output(responses[0], requests[0])));
	WANT(stream->Read(&response));
	context.TryCancel();
	WANT(stream->Finish().error_code() == StatusCode::CANCELLED);
}

static void timeout_on_sleeping_server(Client &c)
{
	Context context(1);
	StreamingOutputCallRequest request;
	auto stream = c.stub->FullDuplexCall(&context);

	request.mutable_payload()->set_body(std::string(27182, '\0'));
	stream->Write(request);
	WANT(stream->Finish().error_code() == StatusCode::DEADLINE_EXCEEDED);
}

static void deadline_propagation(Client &c)
{
	for (int ms : { 20000, 0 }) {
		Context context(ms);
		SimpleRequest request;
		SimpleResponse response;

		request.set_fill_username(true);
		WANT(c.unary(context, request, &response).ok());
		WANT(response.username() == (ms ? "some" : "none"));
	}
}

static void max_message_exceeded(Client &c)
{
	Context context;
	SimpleRequest request;
	SimpleResponse response;

	request.mutable_payload()->set_body(std::string(20 << 20, '\0'));
	WANT(c.unary(context, request, &response).error_code() == StatusCode::RESOURCE_EXHAUSTED);
	empty_unary(c);
}

static void compressed_requests_are_refused(Client &c)
{
	Context context, streaming;
	SimpleResponse response;
	StreamingInputCallResponse sum;
	StreamingInputCallRequest request;

	context.set_compression_algorithm(GRPC_COMPRESS_GZIP);
	WANT(c.unary(context, large(), &response).error_code() == StatusCode::UNIMPLEMENTED);
	streaming.set_compression_algorithm(GRPC_COMPRESS_GZIP);
	auto stream = c.stub->StreamingInputCall(&streaming, &sum);
	request.mutable_payload()->set_body(std::string(27182, '\0'));
	stream->Write(request);
	stream->WritesDone();
	WANT(stream->Finish().error_code() == StatusCode::UNIMPLEMENTED);
}

static void keepalive(Client &c)
{
	grpc::ChannelArguments arguments;
	StreamingOutputCallResponse response;
	Context context, pause(1200);
	SimpleResponse nothing;

	arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, 300);
	arguments.SetInt(GRPC_ARG_KEEPALIVE_PERMIT_WITHOUT_CALLS, 1);
	arguments.SetInt(GRPC_ARG_HTTP2_MAX_PINGS_WITHOUT_DATA, 0);
	Client pinging(c.address, arguments);
	auto stream = pinging.stub->FullDuplexCall(&context);
	WANT(stream->Write(output(9, 1)));
	WANT(stream->Read(&response));
	auto idle = pinging.stub->FullDuplexCall(&pause); // ends after some pings
	WANT(!idle->Read(&response));
	WANT(idle->Finish().error_code() == StatusCode::DEADLINE_EXCEEDED);
	WANT(stream->Write(output(9, 1)));
	WANT(stream->Read(&response));
	stream->WritesDone();
	WANT(stream->Finish().ok());
}

static void concurrent_large_unary(Client &c)
{
	struct Call {
		Context context;
		SimpleResponse response;
		Status status;
	};
	std::vector<std::unique_ptr<Call>> calls;
	grpc::CompletionQueue queue;
	void *tag;
	bool ok;

	for (int i = 0; i < 100; i++) {
		calls.push_back(std::make_unique<Call>());
		auto reader = c.stub->AsyncUnaryCall(&calls[i]->context, large(), &queue);
		reader->Finish(&calls[i]->response, &calls[i]->status, calls[i].get());
		reader.release(); // it lives in the call's arena
	}
	for (int i = 0; i < 100; i++) {
		WANT(queue.Next(&tag, &ok) && ok);
		auto call = static_cast<Call *>(tag);
		WANT(call->status.ok() && call->response.payload().body().size() == large_response);
	}
}

static void rpc_soak(Client &c)
{
	for (int i = 0; i < 1000; i++)
		empty_unary(c);
}

static void channel_soak(Client &c)
{
	for (int i = 0; i < 100; i++) {
		Client other(c.address);
		large_unary(other);
	}
}

static int call_all(const std::string &address)
{
#define CASE(name) { #name, name }
	const std::vector<std::pair<const char *, void (*)(Client &)>> cases = {
		CASE(empty_unary), CASE(large_unary), CASE(client_streaming), CASE(server_streaming), CASE(ping_pong),
		CASE(empty_stream), CASE(custom_metadata), CASE(large_metadata), CASE(status_code_and_message),
		CASE(special_status_message), CASE(unimplemented_method), CASE(unimplemented_service),
		CASE(cancel_after_begin), CASE(cancel_after_first_response), CASE(timeout_on_sleeping_server),
		CASE(deadline_propagation), CASE(max_message_exceeded), CASE(compressed_requests_are_refused),
		CASE(keepalive), CASE(concurrent_large_unary), CASE(rpc_soak), CASE(channel_soak)
	};
	Client client(address);
	int failed = 0;

	for (auto &one : cases)
		try {
			one.second(client);
			std::cout << "ok " << one.first << std::endl;
		} catch (const std::exception &error) {
			std::cout << "not ok " << one.first << ": " << error.what() << std::endl;
			failed = 1;
		}
	return failed;
}

int main(int argc, char **argv)
{
	if (argc == 2 && std::string(argv[1]) == "server")
		return serve();
	return argc == 3 ? call_all(argv[2]) : 2;
}
