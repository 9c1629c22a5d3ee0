#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pyro4's clients over TLS, with certificates of `pyrite keys`. Prints "ok <case>" or "not ok <case>"."""

import os
import pathlib
import subprocess
import sys
import tempfile
import threading
import traceback

import Pyro4
import Pyro4.errors
import Pyro4.socketutil

from programs import BIN, PATIENCE, Examples, fails, same


def trust(folder, name=None):
    """From now on proxies speak TLS, with the certificate of that name."""
    Pyro4.config.SSL = True
    Pyro4.config.SSL_CACERTS = str(folder / "alice/ca.pem")
    Pyro4.config.SSL_CLIENTCERT = str(folder / name / "cert.pem") if name else ""
    Pyro4.config.SSL_CLIENTKEY = str(folder / name / "key.pem") if name else ""
    vars(Pyro4.socketutil)["__ssl_client_context"] = None  # Pyro keeps the first one that it made


def who_has_a_certificate_is_who_it_says(s, folder):
    trust(folder, "alice")
    with s.proxy("probe") as p:
        same(p.identity(), "cert:alice")
        same(p.mirror({"x": 1, "y": 2}), {"x": 2, "y": 1})
        same(len(list(p.pieces(3, 100000))), 3)


def who_has_none_is_refused(s, folder):
    trust(folder)
    fails(Pyro4.errors.ConnectionClosedError, "connection lost", s.proxy("probe")._pyroBind)
    Pyro4.config.SSL = False
    fails(Pyro4.errors.ConnectionClosedError, "receiving", s.proxy("probe")._pyroBind)


def a_certificate_stands_for_a_key(s, folder):
    keyed = Examples("--key", bytes(range(32)).hex(), PYRITE_KEYS=str(folder / "bank"))
    trust(folder, "alice")
    with keyed.proxy("probe") as p:
        same(p.identity(), "cert:alice")
    fails(Pyro4.errors.CommunicationError, "hmac", keyed.proxy("probe", _pyroHmacKey=b"another")._pyroBind)
    keyed.end()


def main():
    guard = threading.Timer(60, os._exit, (3,))
    guard.daemon = True
    guard.start()
    failed = 0
    with tempfile.TemporaryDirectory() as name:
        folder = pathlib.Path(name)
        for arguments in (["init"], ["server", "bank"], ["client", "alice"]):
            subprocess.run([BIN / "pyrite", "keys", "--quiet", "--dir", name, *arguments], check=True, timeout=PATIENCE)
        server = Examples(PYRITE_KEYS=str(folder / "bank"))
        for case in (who_has_a_certificate_is_who_it_says, who_has_none_is_refused, a_certificate_stands_for_a_key):
            try:
                case(server, folder)
                print("ok", case.__name__, flush=True)
            except Exception:
                failed += 1
                print("not ok", case.__name__, flush=True)
                print("    " + traceback.format_exc().replace("\n", "\n    "), flush=True)
        server.end()
    sys.stdout.flush()
    os._exit(failed != 0)


main()
