# SPDX-License-Identifier: MIT
"""A network of the program's own, whose packets can be lost: where the machine lets its users have one (unshare, nft)."""

import fcntl
import os
import shutil
import socket
import struct
import subprocess
import sys

OWN = "PYRITE_OWN_NETWORK"
GET_FLAGS, SET_FLAGS, UP = 0x8913, 0x8914, 1  # SIOCGIFFLAGS, SIOCSIFFLAGS, IFF_UP


def enter():
    """Begins the program anew in a network of its own, if it can have one. Returns whether it has."""
    if os.environ.get(OWN):
        put_up("lo")
        return True
    if not shutil.which("nft") or subprocess.run(["unshare", "-rn", "nft", "list", "ruleset"], capture_output=True).returncode:
        return False
    os.environ[OWN] = "1"
    sys.stdout.flush()
    os.execvp("unshare", ["unshare", "-rn", sys.executable, *sys.argv])


def put_up(interface):
    with socket.socket() as one:
        name = interface.encode().ljust(16, b"\0")
        flags = struct.unpack("16sH", fcntl.ioctl(one, GET_FLAGS, name + bytes(16))[:18])[1]
        fcntl.ioctl(one, SET_FLAGS, struct.pack("16sH14x", name, flags | UP))


def lose_a_tenth(ports):
    """Of the packets to and from these ports, from now on."""
    which = "{ " + ", ".join(map(str, ports)) + " }"
    rules = "".join(f"add rule inet loss in tcp {end} {which} numgen random mod 10 == 0 drop\n" for end in ("sport", "dport"))
    subprocess.run(["nft", "-f", "-"], text=True, check=True,
                   input="add table inet loss\nadd chain inet loss in { type filter hook input priority 0; }\n" + rules)


def lose_nothing():
    subprocess.run(["nft", "delete", "table", "inet", "loss"], check=True)
