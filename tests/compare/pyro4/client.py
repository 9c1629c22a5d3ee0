# SPDX-License-Identifier: MIT
import sys

import Pyro4

with Pyro4.Proxy(sys.argv[1]) as adder:
    print(adder.add(1, 2))
