#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""An object of Python's Pyro that the torture scenario pyro-called calls: prints its URI, and serves until it is ended."""

import Pyro4


@Pyro4.expose
class Thing:
    def add(self, x, y):
        return x + y

    def echo(self, x):
        return x

    def refuse(self, why):
        raise ValueError(why)

    @Pyro4.oneway
    def post(self, n):
        pass

    def pour(self, n):
        return ({"number": i, "name": "drop", "tags": ["wet", "cold"]} for i in range(n))


def main():
    Pyro4.config.SERIALIZER = "serpent"
    daemon = Pyro4.Daemon(host="127.0.0.1")
    print(daemon.register(Thing(), "thing"), flush=True)
    daemon.requestLoop()


if __name__ == "__main__":
    main()
