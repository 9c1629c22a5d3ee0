// SPDX-License-Identifier: MIT
// The cases of gRPC's interoperability tests for Node: testing.js client PROTO ADDRESS prints "ok <case>" or "not ok <case>";
// testing.js server PROTO prints its address and serves until standard input ends. NODE_PATH has the modules.
"use strict";

const assert = require("node:assert");
const grpc = require("@grpc/grpc-js");
const loader = require("@grpc/proto-loader");

const [role, proto, address] = process.argv.slice(2);
const testing = grpc.loadPackageDefinition(loader.loadSync(proto, {keepCase: true, defaults: true})).grpc.testing;
const LARGE_REQUEST = 271828, LARGE_RESPONSE = 314159, PATIENCE = 20000;
const REQUESTS = [27182, 8, 1828, 45904], RESPONSES = [31415, 9, 2653, 58979];
const INITIAL = "x-grpc-test-echo-initial", TRAILING = "x-grpc-test-echo-trailing-bin";
const WHITESPACE = "\t\ntest with whitespace\r\nand Unicode BMP \u263a and non-BMP \u{1f608}\t\n";

// ---- the server ----

function begin(call) {
	const initial = call.metadata.get(INITIAL), trailing = call.metadata.get(TRAILING), back = new grpc.Metadata();
	if (initial.length > 0) {
		const first = new grpc.Metadata();
		first.set(INITIAL, initial[0]);
		call.sendMetadata(first);
	}
	if (trailing.length > 0)
		back.set(TRAILING, trailing[0]);
	return back;
}

function wrong(request) {
	const told = request.response_status;
	return told && told.code ? {code: told.code, details: told.message} : null;
}

function put(call, request) {
	for (const wanted of request.response_parameters)
		call.write({payload: {body: Buffer.alloc(wanted.size)}});
}

const service = {
	EmptyCall: (call, answer) => answer(null, {}, begin(call)),
	UnaryCall: (call, answer) => {
		const request = call.request, trailing = begin(call);
		answer(wrong(request), {payload: {body: Buffer.alloc(request.response_size)},
			username: call.getDeadline() === Infinity ? "none" : "some"}, trailing);
	},
	StreamingOutputCall: (call) => {
		put(call, call.request);
		call.end();
	},
	StreamingInputCall: (call, answer) => {
		let sum = 0;
		call.on("data", (item) => { sum += item.payload.body.length; });
		call.on("end", () => answer(null, {aggregated_payload_size: sum}));
	},
	FullDuplexCall: (call) => {
		const trailing = begin(call);
		call.on("data", (request) => {
			if (wrong(request))
				call.emit("error", wrong(request));
			else
				put(call, request);
		});
		call.on("end", () => call.end(trailing));
	},
};

function serve() {
	const server = new grpc.Server();
	const methods = {...testing.TestService.service};
	delete methods.UnimplementedCall;
	server.addService(methods, service);
	server.bindAsync("127.0.0.1:0", grpc.ServerCredentials.createInsecure(), (error, port) => {
		assert.ifError(error);
		console.log(`127.0.0.1:${port}`);
	});
	process.stdin.on("end", () => server.forceShutdown()).resume();
}

// ---- the client ----

const options = {"grpc.enable_http_proxy": 0};
const connect = (kind = testing.TestService, more = {}) =>
	new kind(address, grpc.credentials.createInsecure(), {...options, ...more});
const soon = (ms = PATIENCE) => ({deadline: Date.now() + ms});
const large = () => ({response_size: LARGE_RESPONSE, payload: {body: Buffer.alloc(LARGE_REQUEST)}});
const output = (sizes, more = {}) => ({response_parameters: sizes.map((size) => ({size})), ...more});

function unary(client, operation, request, metadata = new grpc.Metadata(), when = soon()) {
	let call;
	const answer = new Promise((resolve, reject) => {
		call = client[operation](request, metadata, when, (error, reply) => error ? reject(error) : resolve(reply));
	});
	return Object.assign(answer, {call});
}

async function all(stream) {
	const got = [];
	for await (const item of stream)
		got.push(item);
	return got;
}

const next = (stream) => new Promise((resolve, reject) => {
	stream.once("data", resolve);
	stream.once("error", reject);
});
const trailers = (call) => new Promise((resolve) => call.on("status", (status) => resolve(status.metadata)));
const fails = (promise, code, details) => assert.rejects(promise, details === undefined ? {code} : {code, details});

const cases = {
	async empty_unary(client) {
		await unary(client, "EmptyCall", {});
	},
	async large_unary(client) {
		assert.strictEqual((await unary(client, "UnaryCall", large())).payload.body.length, LARGE_RESPONSE);
	},
	async client_streaming(client) {
		let call;
		const answer = new Promise((resolve, reject) => {
			call = client.StreamingInputCall(new grpc.Metadata(), soon(), (error, reply) => error ? reject(error) : resolve(reply));
		});
		for (const size of REQUESTS)
			call.write({payload: {body: Buffer.alloc(size)}});
		call.end();
		assert.strictEqual((await answer).aggregated_payload_size, 74922);
	},
	async server_streaming(client) {
		const got = await all(client.StreamingOutputCall(output(RESPONSES), new grpc.Metadata(), soon()));
		assert.deepStrictEqual(got.map((item) => item.payload.body.length), RESPONSES);
	},
	async ping_pong(client) {
		const call = client.FullDuplexCall(new grpc.Metadata(), soon());
		for (const [i, size] of REQUESTS.entries()) {
			const answer = next(call);
			call.write(output([RESPONSES[i]], {payload: {body: Buffer.alloc(size)}}));
			assert.strictEqual((await answer).payload.body.length, RESPONSES[i]);
		}
		call.end();
		assert.deepStrictEqual(await all(call), []);
	},
	async empty_stream(client) {
		const call = client.FullDuplexCall(new grpc.Metadata(), soon());
		call.end();
		assert.deepStrictEqual(await all(call), []);
	},
	async custom_metadata(client) {
		const metadata = new grpc.Metadata(), binary = Buffer.from([0xab, 0xab, 0xab]);
		metadata.set(INITIAL, "test_initial_metadata_value");
		metadata.set(TRAILING, binary);
		const call = unary(client, "UnaryCall", large(), metadata), back = trailers(call.call);
		await call;
		assert.deepStrictEqual((await back).get(INITIAL), ["test_initial_metadata_value"]);
		assert.deepStrictEqual((await back).get(TRAILING), [binary]);
		const stream = client.FullDuplexCall(metadata, soon()), behind = trailers(stream);
		stream.end(output([RESPONSES[0]]));
		assert.strictEqual((await all(stream)).length, 1);
		assert.deepStrictEqual((await behind).get(TRAILING), [binary]);
	},
	async large_metadata(client) {
		const metadata = new grpc.Metadata();
		metadata.set(INITIAL, "x".repeat(1500));
		const call = unary(client, "EmptyCall", {}, metadata), back = trailers(call.call);
		await call;
		assert.deepStrictEqual((await back).get(INITIAL), ["x".repeat(1500)]);
	},
	async status_code_and_message(client) {
		const told = {response_status: {code: 2, message: "test status message"}};
		await fails(unary(client, "UnaryCall", told), 2, "test status message");
		const call = client.FullDuplexCall(new grpc.Metadata(), soon());
		call.write(told);
		call.end();
		await fails(all(call), 2, "test status message");
	},
	async special_status_message(client) {
		await fails(unary(client, "UnaryCall", {response_status: {code: 2, message: WHITESPACE}}), 2, WHITESPACE);
	},
	async unimplemented_method(client) {
		await fails(unary(client, "UnimplementedCall", {}), grpc.status.UNIMPLEMENTED);
	},
	async unimplemented_service() {
		const client = connect(testing.UnimplementedService);
		await fails(unary(client, "UnimplementedCall", {}), grpc.status.UNIMPLEMENTED);
		client.close();
	},
	async cancel_after_begin(client) {
		const ended = new Promise((resolve) => {
			const call = client.StreamingInputCall(new grpc.Metadata(), soon(), (error) => resolve(error));
			call.cancel();
		});
		assert.strictEqual((await ended).code, grpc.status.CANCELLED);
	},
	async cancel_after_first_response(client) {
		const call = client.FullDuplexCall(new grpc.Metadata(), soon());
		call.write(output([RESPONSES[0]], {payload: {body: Buffer.alloc(REQUESTS[0])}}));
		await next(call);
		call.cancel();
		await fails(all(call), grpc.status.CANCELLED);
	},
	async timeout_on_sleeping_server(client) {
		const call = client.FullDuplexCall(new grpc.Metadata(), soon(1));
		call.write({payload: {body: Buffer.alloc(27182)}});
		await fails(all(call), grpc.status.DEADLINE_EXCEEDED);
	},
	async deadline_propagation(client) {
		assert.strictEqual((await unary(client, "UnaryCall", {fill_username: true})).username, "some");
		assert.strictEqual((await unary(client, "UnaryCall", {fill_username: true}, undefined, {})).username, "none");
	},
	async max_message_exceeded(client) {
		await fails(unary(client, "UnaryCall", {payload: {body: Buffer.alloc(20 << 20)}}), grpc.status.RESOURCE_EXHAUSTED);
		await unary(client, "EmptyCall", {});
	},
	async compressed_requests_are_refused() {
		const client = connect(testing.TestService, {"grpc.default_compression_algorithm": 2});
		await fails(unary(client, "UnaryCall", large()), grpc.status.UNIMPLEMENTED);
		client.close();
	},
	async wait_for_ready() {
		const client = connect(), metadata = new grpc.Metadata({waitForReady: true});
		await unary(client, "EmptyCall", {}, metadata);
		client.close();
	},
	async concurrent_large_unary(client) {
		const got = await Promise.all(Array.from({length: 100}, () => unary(client, "UnaryCall", large())));
		assert.ok(got.every((reply) => reply.payload.body.length === LARGE_RESPONSE));
	},
	async rpc_soak(client) {
		for (let i = 0; i < 1000; i++)
			await cases.empty_unary(client);
	},
	async channel_soak() {
		for (let i = 0; i < 100; i++) {
			const client = connect(testing.TestService, {"grpc.use_local_subchannel_pool": 1});
			await cases.large_unary(client);
			client.close();
		}
	},
};

async function call_all() {
	const client = connect();
	for (const [name, run] of Object.entries(cases))
		try {
			await run(client);
			console.log(`ok ${name}`);
		} catch (error) {
			console.log(`not ok ${name}`);
			console.error(error);
			process.exitCode = 1;
		}
	client.close();
}

if (role === "server")
	serve();
else
	call_all();
