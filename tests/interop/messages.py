# SPDX-License-Identifier: MIT
"""The messages of an IDL file for python, and a server of its services that knows gRPC and these messages alone."""

import os
import pathlib
import subprocess
import sys
from concurrent import futures

import grpc
from google.protobuf import descriptor_pb2, message_factory

HERE = pathlib.Path(__file__).resolve().parent
BIN = pathlib.Path(os.environ["PYRITE_BIN"])
OPTIONS = [("grpc.so_reuseport", 0), ("grpc.max_receive_message_length", 8 << 20)]


def generate(folder, idl=HERE / "interop.idl"):
    """From the IDL to python messages: pyrite-idl --proto, protoc --python_out."""
    subprocess.run([BIN / "pyrite-idl", "--proto", folder, idl], check=True)
    (folder / "rpc").mkdir(exist_ok=True)
    (folder / "rpc" / "status.proto").write_text((HERE / "status.proto").read_text())
    any_proto = folder / "include/google/protobuf/any.proto"  # protoc's own is in a package that need not be there
    any_proto.parent.mkdir(parents=True, exist_ok=True)
    any_proto.write_text('syntax = "proto3"; package google.protobuf; message Any { string type_url = 1; bytes value = 2; }')
    subprocess.run(["protoc", "-I", folder, "-I", folder / "include", "--python_out", folder, f"{idl.stem}.proto", "rpc/status.proto"], check=True)
    if str(folder) not in sys.path:
        sys.path.insert(0, str(folder))


def prototype(descriptor):
    return message_factory.MessageFactory(descriptor.file.pool).GetPrototype(descriptor)


KINDS = {(False, False): grpc.unary_unary_rpc_method_handler, (False, True): grpc.unary_stream_rpc_method_handler,
         (True, False): grpc.stream_unary_rpc_method_handler, (True, True): grpc.stream_stream_rpc_method_handler}


def kind_of(method):
    """Whether requests and replies are streams, which the python descriptor does not tell."""
    described = descriptor_pb2.ServiceDescriptorProto()
    method.containing_service.CopyToProto(described)
    mine = next(m for m in described.method if m.name == method.name)
    return mine.client_streaming, mine.server_streaming


def handler(servicer, method):
    """servicer.method(request or requests, context, reply): a reply, or replies; where these are a stream, the last
    argument is their class."""
    request, reply = prototype(method.input_type), prototype(method.output_type)
    kind = kind_of(method)

    def run(message, context):
        return getattr(servicer, method.name)(message, context, reply if kind[1] else reply())
    return KINDS[kind](run, request.FromString, reply.SerializeToString)


def serve(pb, services, where="127.0.0.1:0"):
    """A server of {service name: servicer}, of one module of messages or several; a servicer has a function(request, context, reply) for each method it
    implements. Returns it and its port."""
    server = grpc.server(futures.ThreadPoolExecutor(32), options=OPTIONS)
    known = {}
    for module in pb if isinstance(pb, list) else [pb]:
        known.update(module.DESCRIPTOR.services_by_name)
    for name, servicer in services.items():
        service = known[name]
        handlers = {method.name: handler(servicer, method) for method in service.methods if hasattr(servicer, method.name)}
        server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(service.full_name, handlers),))
    port = server.add_insecure_port(where)
    server.start()
    return server, port


def raise_typed(context, code, text, *exceptions, name=None):
    """Ends the call with exceptions as google.rpc.Status details."""
    from rpc import status_pb2
    status = status_pb2.Status(code=code.value[0], message=text)
    for exception in exceptions:
        status.details.add(type_url="type.googleapis.com/" + (name or exception.DESCRIPTOR.full_name),
                           value=exception.SerializeToString())
    context.set_trailing_metadata((("grpc-status-details-bin", status.SerializeToString()),))
    context.abort(code, text)
