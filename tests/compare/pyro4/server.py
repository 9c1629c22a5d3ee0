# SPDX-License-Identifier: MIT
import Pyro4


@Pyro4.expose
class Adder:
    def add(self, x, y):
        return x + y


daemon = Pyro4.Daemon()
print(daemon.register(Adder), flush=True)
daemon.requestLoop()
