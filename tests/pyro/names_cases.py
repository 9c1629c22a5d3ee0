# SPDX-License-Identifier: MIT
"""Cases of clients.py: pyrite-ns as a name server of Pyro."""

import Pyro4
import Pyro4.errors

from programs import fails, same


def pyrite_ns_is_a_name_server_of_pyro(s):
    with Pyro4.locateNS() as ns:
        same(ns.ping(), None)
        n = ns.count()
        ns.register("py.thing", "PYRO:thing@localhost:1234", safe=True, metadata={"a", "b"})
        same(ns.count(), n + 1)
        fails(Pyro4.errors.NamingError, "name already registered: py.thing", ns.register, "py.thing", "PYRO:x@y:1", safe=True)
        same(ns.lookup("py.thing"), Pyro4.URI("PYRO:thing@localhost:1234"))
        uri, tags = ns.lookup("py.thing", return_metadata=True)
        same((str(uri), sorted(tags)), ("PYRO:thing@localhost:1234", ["a", "b"]))
        ns.register("py.thing", Pyro4.URI("PYRO:other@localhost:1234"))
        same(ns.lookup("py.thing", True), (Pyro4.URI("PYRO:other@localhost:1234"), []))
        ns.set_metadata("py.thing", ["c"])
        same(ns.list(metadata_all={"c"}), {"py.thing": "PYRO:other@localhost:1234"})
        same(ns.list(metadata_any=["c", "d"], return_metadata=True), {"py.thing": ("PYRO:other@localhost:1234", ["c"])})
        same(ns.list(prefix="py."), {"py.thing": "PYRO:other@localhost:1234"})
        same(ns.list(regex="p.*g$"), {"py.thing": "PYRO:other@localhost:1234"})
        fails(Pyro4.errors.NamingError, "invalid regex", ns.list, regex="((((x")
        fails(ValueError, "you can only filter on one thing at a time", ns.list, prefix="a", regex="b")
        fails(TypeError, "should not be a str", ns.set_metadata, "py.thing", "tag")
        fails(TypeError, "a tag is a str", ns.set_metadata, "py.thing", ["a\0b"])
        fails(TypeError, "a tag is a str", ns.register, "py.thing", "PYRO:x@localhost:1", metadata=["good", "a\0b"])
        fails(Pyro4.errors.NamingError, "unknown name: nope", ns.lookup, "nope")
        fails(Pyro4.errors.NamingError, "unknown name: nope", ns.set_metadata, "nope", [])
        fails(Pyro4.errors.PyroError, "invalid uri", ns.register, "bad", "NOTAURI")
        ns.register("py.thing2", "PYRO:thing@localhost:1234")
        same(ns.remove("py.thing"), 1)
        same(ns.remove("py.thing"), 0)
        same(ns.remove(prefix="py."), 1)
        same(ns.remove(regex="py.*"), 0)
        same(ns.remove("Pyro.NameServer"), 0)
        same(ns.lookup("Pyro.NameServer").object, "Pyro.NameServer")
        assert "Pyro.NameServer" in ns.list()


def wrong_arguments_of_the_name_server_are_named(s):
    with Pyro4.locateNS() as ns:
        def call(method, *positional, **named):
            return ns._pyroInvoke(method, positional, named)

        n = ns.count()
        for method, positional in (("lookup", ()), ("lookup", (None,)), ("register", ()), ("set_metadata", ())):
            fails(TypeError, "name must be a str", call, method, *positional)
        fails(TypeError, "name", call, "lookup", 7)
        fails(TypeError, "only URIs or strings can be registered", call, "register", "py.wrong")
        for tags in ([7], [None], [["a"]], ["good", b"bytes"]):
            fails(TypeError, "a tag is a str", call, "register", "py.wrong", "PYRO:x@localhost:1", metadata=tags)
            fails(TypeError, "a tag is a str", call, "set_metadata", "py.wrong", tags)
            fails(TypeError, "a tag is a str", call, "list", metadata_any=tags)
            fails(TypeError, "a tag is a str", call, "yplookup", tags)
        for named in ({"prefix": "a", "metadata_all": ["b"]}, {"regex": "a", "metadata_any": ["b"]}, {"metadata_all": ["a"], "metadata_any": ["b"]}):
            fails(ValueError, "you can only filter on one thing at a time", call, "list", **named)
        fails(ValueError, "you can only filter on one thing at a time", call, "yplookup", ["a"], ["b"])
        fails(Pyro4.errors.NamingError, "invalid regex", call, "remove", regex="((((x")
        for safe in (True, False):
            fails(Pyro4.errors.NamingError, "name already registered: Pyro.NameServer", ns.register, "Pyro.NameServer", "PYRO:x@y:1", safe=safe)
        same((ns.remove(), ns.remove(""), ns.count()), (0, 0, n))


def the_name_server_finds_itself_by_its_tags(s):
    own = "Pyro.NameServer"
    with Pyro4.locateNS() as ns:
        tags = ["class:Pyro4.naming.NameServer", "class:Pyro5.nameserver.NameServer"]
        uri, found = ns.lookup(own, return_metadata=True)
        same((uri.object, sorted(found)), (own, tags))
        for named in ({"metadata_all": tags[:1]}, {"metadata_any": ["x", tags[1]]}, {"prefix": "Pyro."}):
            same(list(ns.list(**named)), [own])
        same(sorted(ns.list(metadata_any=tags[:1], return_metadata=True)[own][1]), tags)
        same(own in ns.list(metadata_all=["x", tags[1]]), False)
        same(own in ns.list(metadata_all=[]), True)
        same(list(ns._pyroInvoke("yplookup", (tags[:1],), {})), [own])
        same([ns._pyroInvoke("yplookup", (), named) for named in ({}, {"meta_any": []})], [{}, {}])


CASES = [pyrite_ns_is_a_name_server_of_pyro,
         wrong_arguments_of_the_name_server_are_named,
         the_name_server_finds_itself_by_its_tags]
