#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Ends of recorded conversations that are not Pyrite's: "serve" is a daemon of Pyro4 on real.sock; "serpent", "msgpack" and
"json" are clients of Pyro4, and "http" one of HTTP, that call the daemon on talk.sock."""

import http.client
import json
import socket
import sys
import threading


def add(x, y):
    return x + y


def serve():
    import Pyro4

    @Pyro4.expose
    class Talk:
        add = staticmethod(add)

    Pyro4.config.SERIALIZERS_ACCEPTED = {"serpent", "json"}
    daemon = Pyro4.Daemon(unixsocket="real.sock")
    daemon.register(Talk, "talk")
    print("ready", flush=True)
    threading.Thread(target=lambda: (sys.stdin.read(), daemon.shutdown()), daemon=True).start()
    daemon.requestLoop()


def call_as_pyro(form):
    import Pyro4
    Pyro4.config.SERIALIZER = form
    with Pyro4.Proxy("PYRO:talk@./u:talk.sock") as talk:
        print(talk.add(1, 2))
        talk.note("hello")
        print(talk.noted())
        try:
            talk.refuse(7, "no")
        except Exception as error:
            print(type(error).__name__)
        print(list(talk.count(3)))


class Connection(http.client.HTTPConnection):
    def connect(self):
        self.sock = socket.socket(socket.AF_UNIX)
        self.sock.connect("talk.sock")


def call_as_http():
    connection = Connection("localhost")
    for operation, body in (("add", {"x": 1, "y": 2}), ("note", {"text": "hello"}), ("noted", {}),
                            ("mirror", {"point": {"x": -5, "y": 0.5, "name": "a", "color": "BLUE", "picture": "AP8H",
                                                  "ages": {"ann": "7"}}}),
                            ("refuse", {"number": 7, "why": "no"}), ("add", {"x": "one"}), ("nothing", {})):
        connection.request("POST", f"/v1/objects/talk/{operation}", json.dumps(body), {"Content-Type": "application/json"})
        answer = connection.getresponse()
        print(operation, answer.status, answer.read().decode().strip()[:60])
    connection.close()


if __name__ == "__main__":
    if sys.argv[1] == "serve":
        serve()
    elif sys.argv[1] == "http":
        call_as_http()
    else:
        call_as_pyro(sys.argv[1])
