// SPDX-License-Identifier: MIT
// A generic client: it knows the address of a daemon and nothing else. client.js ADDRESS prints "ok <case>" or
// "not ok <case>". NODE_PATH has the modules.
"use strict";

const assert = require("node:assert");
const grpc = require("@grpc/grpc-js");
const {GrpcReflection} = require("grpc-js-reflection-client");

const address = process.argv[2];
const credentials = grpc.credentials.createInsecure();
const options = {"grpc.enable_http_proxy": 0};

async function service(version, symbol) {
	const reflection = new GrpcReflection(address, credentials, options, version);
	const descriptor = await reflection.getDescriptorBySymbol(symbol);
	const found = symbol.split(".").reduce((scope, name) => scope[name], descriptor.getPackageObject({keepCase: true}));
	return new found(address, credentials, options);
}

function call(client, operation, request) {
	return new Promise((resolve, reject) =>
		client[operation](request, {deadline: Date.now() + 20000}, (error, reply) => error ? reject(error) : resolve(reply)));
}

async function services_are_listed(version) {
	const names = await new GrpcReflection(address, credentials, options, version).listServices();
	assert.deepStrictEqual(names.sort(), ["example.Server", "grpc.health.v1.Health",
		"grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection", "pyrite.Daemon", "streams.Feed"]);
}

async function methods_are_listed(version) {
	const methods = await new GrpcReflection(address, credentials, options, version).listMethods("example.Server");
	assert.deepStrictEqual(methods.map((method) => method.name), ["add"]);
}

async function an_operation_is_called(version) {
	const client = await service(version, "example.Server");
	assert.strictEqual((await call(client, "add", {x: 1, y: 2})).ret, 3);
	client.close();
}

async function a_stream_goes_both_ways(version) {
	const client = await service(version, "streams.Feed");
	const stream = client.both({deadline: Date.now() + 20000}), got = [];
	for (const item of [{factor: 3}, {x: 1}, {x: 2}])
		stream.write(item);
	stream.end();
	for await (const item of stream)
		got.push(item.ret);
	assert.deepStrictEqual(got, [3, 6]);
	client.close();
}

async function health_is_checked(version) {
	const client = await service(version, "grpc.health.v1.Health");
	const reply = await call(client, "Check", {service: "example.Server"});
	assert.ok([1, "SERVING"].includes(reply.status));
	await assert.rejects(call(client, "Check", {service: "no.Such"}), {code: grpc.status.NOT_FOUND});
	client.close();
}

async function the_daemon_tells_what_it_is(version) {
	const client = await service(version, "pyrite.Daemon");
	assert.strictEqual((await call(client, "info", {})).ret.address, address);
	client.close();
}

async function main() {
	for (const version of ["v1", "v1alpha"])
		for (const test of [services_are_listed, methods_are_listed, an_operation_is_called, a_stream_goes_both_ways,
			health_is_checked, the_daemon_tells_what_it_is])
			try {
				await test(version);
				console.log(`ok ${test.name}_${version}`);
			} catch (error) {
				console.log(`not ok ${test.name}_${version}`);
				console.error(error);
				process.exitCode = 1;
			}
}

main();
