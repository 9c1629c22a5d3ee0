#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Pyro4's clients over TLS, with certificates of `pyrite keys`, and under rules. Prints "ok <case>" or "not ok <case>"."""

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

KEY = bytes(range(32))


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


def rules_hold_for_whom_the_daemon_knows(s, folder):
    Pyro4.config.SSL = False
    rules, audit = folder / "rules", folder / "audit"
    rules.write_text("allow key:friend call demo.Probe.*\ndeny * call demo.Probe.n_notes\nallow * call demo.Batched.add\n")
    rules.chmod(0o600)
    strict = Examples("--key", f"friend:{KEY.hex()}\nother:{KEY[::-1].hex()}", "--rules", str(rules), "--audit", str(audit))
    with strict.proxy("probe", _pyroHmacKey=KEY) as p:
        same(p.identity(), "key:friend")
    with strict.proxy("example.batched", _pyroHmacKey=KEY[::-1]) as p:
        same(p.add(1, 2), 3)
        fails(Pyro4.errors.SecurityError, "key:other may not call demo.Batched.multiply", p.multiply, 1, 2)
        fails(Pyro4.errors.SecurityError, "may not call demo.Probe.n_notes", p._pyroInvoke, "n_notes", (), {}, objectId="probe")
        fails(Pyro4.errors.SecurityError, "may not inspect", p._pyroInvoke, "registered", (), {}, objectId="Pyro.Daemon")
        fails(Pyro4.errors.SecurityError, "may not inspect", p._pyroInvoke, "get_metadata", ("probe",), {}, objectId="Pyro.Daemon")
        assert "ping" in p._pyroInvoke("get_metadata", ("Pyro.Daemon",), {}, objectId="Pyro.Daemon")["methods"]
    fails(Pyro4.errors.CommunicationError, "may not inspect", strict.proxy("probe", _pyroHmacKey=KEY[::-1])._pyroBind)
    with Pyro4.Proxy("PYRO:Pyro.Daemon@" + strict.uris["probe"].split("@")[1]) as p:
        p._pyroHmacKey = KEY[::-1]
        batch = Pyro4.batch(p)
        batch.ping()
        batch.registered()
        results = batch()
        same(next(results), None)
        fails(Pyro4.errors.SecurityError, "may not inspect", next, results)
    fails(Pyro4.errors.CommunicationError, "hmac", strict.proxy("probe")._pyroBind)
    strict.end()
    lines = audit.read_text()
    for part in ('"who":"key:other"', '"target":"demo.Batched.multiply"', '"action":"connect"', "hmac key config not symmetric"):
        assert part in lines, lines


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
        for case in (who_has_a_certificate_is_who_it_says, who_has_none_is_refused, a_certificate_stands_for_a_key,
                     rules_hold_for_whom_the_daemon_knows):
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
