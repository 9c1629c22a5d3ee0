#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The document at /v1/openapi.json: what OpenAPI 3.1 wants of it, schemas that are JSON Schema, and answers that fit them."""

import re
import sys

import jsonschema

from place import Server, cases_of, run, same

server = None
document = None


def told():
    return server.ask("GET", "/v1/openapi.json")[2]


def each(value, path="#"):
    """Each object in it, with its place."""
    if isinstance(value, dict):
        yield path, value
        for name, member in value.items():
            yield from each(member, f"{path}/{name}")
    elif isinstance(value, list):
        for i, item in enumerate(value):
            yield from each(item, f"{path}/{i}")


def find(reference):
    value = document
    for part in reference[2:].split("/"):
        value = value[part]
    return value


def operation(name, identity="cart"):
    return document["paths"][f"/v1/objects/{identity}/{name}"]["post"]


def schema_of(name):
    return operation(name)["responses"]["200"]["content"]["application/json"]["schema"]


def validate(value, schema):
    resolver = jsonschema.RefResolver("", document)
    jsonschema.Draft202012Validator(schema, resolver=resolver).validate(value)


def it_has_what_openapi_wants():
    same(set(document), {"openapi", "info", "servers", "security", "paths", "components"})
    same((document["openapi"], set(document["info"]) >= {"title", "version"}), ("3.1.0", True))
    identities = []
    for path, item in document["paths"].items():
        same(path[0], "/")
        same(set(item), {"post"})
        post = item["post"]
        same({"operationId", "responses", "requestBody"} - set(post), set())
        same("default" in post["responses"] and "200" in post["responses"], True)
        identities.append(post["operationId"])
        for answer in post["responses"].values():
            same("$ref" in answer or "description" in answer, True)
    same(len(identities), len(set(identities)))
    same([i for i in identities if not re.fullmatch(r"[A-Za-z0-9._~-]+", i)], [])
    for name in document["components"]["schemas"]:
        same(bool(re.fullmatch(r"[a-zA-Z0-9._-]+", name)), True)


def what_is_referred_to_is_there():
    references = [value["$ref"] for _, value in each(document) if "$ref" in value]
    same(len(references) > 20, True)
    for reference in references:
        find(reference)


def its_schemas_are_schemas():
    for path, value in each(document):
        if path.endswith("/schema") or re.fullmatch(r"#/components/schemas/[^/]+", path):
            jsonschema.Draft202012Validator.check_schema(value)


def docs_and_names_are_told():
    add = operation("add")
    same((add["summary"], add["description"]), ("shop.Cart.add", "The sum of two numbers.\nIt wraps around."))
    same(operation("add", "cart%2F00000")["operationId"], "cart_2F00000.shop.Cart.add")


def defaults_are_told():
    schema = operation("scale")["requestBody"]["content"]["application/json"]["schema"]
    same(schema["required"], ["x"])
    same({name: value["default"] for name, value in schema["properties"].items() if "default" in value},
         {"factor": 10, "more": 2.5, "unit": "m", "size": "LARGE", "is_shown": True})
    same(server.call("cart/scale", {"x": 2}), (200, "50m 2"))


def answers_fit_their_schemas():
    line = {"name": "rent", "cents": "1", "size": "LARGE"}
    for name, arguments in (("add", [1, 2]), ("put", [line]), ("lines", []), ("total", [{"percent": 3.5}]), ("bytes", ["AAE="]),
                            ("count_names", [["a"]]), ("who", []), ("get_owner", []), ("sum", {"label": "", "numbers": [1]})):
        status, value = server.call(f"cart/{name}", arguments)
        same((name, status), (name, 200))
        validate(value, schema_of(name))


def errors_fit_theirs():
    for name, arguments in (("pay", [1]), ("add", [1]), ("nothing", [])):
        validate(server.call(f"cart/{name}", arguments)[1], find("#/components/schemas/Error"))


def arguments_fit_theirs():
    schema = operation("total")["requestBody"]["content"]["application/json"]["schema"]
    validate({"discount": {"percent": 1.5}}, schema)
    for wrong in ({}, {"discount": {"euros": 1}}, {"discount": {"cents": 2147483648}}, {"discount": {}, "more": 1}):
        try:
            validate(wrong, schema)
        except jsonschema.ValidationError:
            same(server.call("cart/total", wrong)[0], 400)
            continue
        raise AssertionError(f"{wrong} fits")


KINDS = {"is": True, "letter": 97, "character": 8364, "i8": -128, "u8": 255, "i16": -32768, "u16": 65535, "i32": -2147483648,
         "u32": 4294967295, "i64": "-9223372036854775808", "u64": "18446744073709551615", "f": 1.5, "d": "NaN", "text": "fives",
         "data": "AAE=", "size": "LARGE", "discount": {"cents": 5}, "grid": [1, 2, 3, 4, 5, 6],
         "nested": [{"items": ["a", "b"]}, {"items": []}], "by_name": {"a": {"items": [1, 2]}}, "words": {"items": ["c"]}}
WRONG = {"is": 1, "letter": 256, "character": 1114112, "i8": 128, "u8": -1, "i16": 32768, "u16": 65536, "i32": 2147483648, "u32": -1,
         "i64": "1.5", "u64": "-1", "f": [], "d": {}, "text": "longer", "data": 7, "size": "TINY", "discount": {"euros": 1},
         "grid": [1, 2, 3, 4, 5], "nested": [{"items": ["a", "b", "c"]}], "by_name": [1], "words": {"items": 7}}


def values_of_each_kind_fit_their_schemas():
    schema = operation("kinds")["requestBody"]["content"]["application/json"]["schema"]
    status, value = server.call("cart/kinds", {"kinds": KINDS})
    same((status, set(value)), (200, set(KINDS)))
    validate({"kinds": KINDS}, schema)
    validate(value, schema_of("kinds"))
    same(server.call("cart/kinds", {"kinds": value}), (200, value))
    for name, wrong in WRONG.items():
        kinds = {"kinds": dict(KINDS, **{name: wrong})}
        same((name, server.call("cart/kinds", kinds)[0]), (name, 400))
        try:
            validate(kinds, schema)
        except jsonschema.ValidationError:
            continue
        raise AssertionError(f"{name}: {wrong} fits")


def what_may_not_be_seen_is_not_told():
    import tempfile
    with tempfile.NamedTemporaryFile("w") as rules:
        rules.write("allow * call *\n")
        rules.flush()
        with Server(f"rules={rules.name}") as other:
            same(other.ask("GET", "/v1/openapi.json")[0], 403)


def a_document_that_is_too_large_is_refused():
    with Server("objects=2000") as other:
        status, _, error = other.ask("GET", "/v1/openapi.json")
        same((status, "too large" in error["message"]), (507, True))


def main():
    global server, document
    with Server("objects=2") as server:
        document = told()
        return run(cases_of(globals()))


if __name__ == "__main__":
    sys.exit(main())
