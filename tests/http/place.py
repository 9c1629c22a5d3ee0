# SPDX-License-Identifier: MIT
"""A daemon that speaks HTTP (http-server), and ways to talk to it."""

import http.client
import json
import os
import select
import socket
import subprocess
import sys
import time
import traceback

BIN = os.environ["PYRITE_BIN"]
PATIENCE = 15  # seconds that anything may take


class Server:
    def __init__(self, *options, environment=None):
        env = dict(os.environ)
        for name in ("PYRITE_KEYS", "PYRITE_SHARED_KEY", "PYRITE_SHARED_KEY_FILE", "PYRITE_RULES", "PYRITE_FACES"):
            env.pop(name, None)
        env.update(environment or {})
        self.process = subprocess.Popen([f"{BIN}/http-server", *options], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                        text=True, env=env)
        self.address = self.process.stdout.readline().strip()
        self.socket = self.address[4:] if self.address.startswith("./u:") else None
        if not self.socket:
            self.host, port = self.address.rsplit(":", 1)
            self.port = int(port)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdin.close()  # with which it would end at once
            self.process.stdout.close()
        same(self.process.returncode, 0)  # a sanitizer has nothing to say

    def connect(self):
        if self.socket:
            s = socket.socket(socket.AF_UNIX)
            s.settimeout(PATIENCE)
            s.connect(self.socket)
            return s
        return socket.create_connection((self.host, self.port), PATIENCE)

    def threads(self):
        return len(os.listdir(f"/proc/{self.process.pid}/task"))

    def raw(self, data, ends=False):
        """What comes until the server closes. ends: nothing more will be sent."""
        with self.connect() as s:
            try:
                s.sendall(data)
                if ends:
                    s.shutdown(socket.SHUT_WR)
            except OSError:  # it has been closed
                pass
            return read_all(s)

    def ask(self, method, path, body=None, headers=None):
        """Status, headers, and the body: of JSON its value."""
        connection = http.client.HTTPConnection(self.host, self.port, timeout=PATIENCE)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            text = answer.read()
            return answer.status, answer.headers, as_value(answer.headers, text)
        finally:
            connection.close()

    def call(self, path, arguments=None, **headers):
        """The same of a POST of JSON, without the headers."""
        all_headers = {"Content-Type": "application/json", **{k.replace("_", "-"): v for k, v in headers.items()}}
        body = "" if arguments is None else json.dumps(arguments)
        status, _, value = self.ask("POST", f"/v1/objects/{path}", body, all_headers)
        return status, value


def as_value(headers, text):
    if headers.get("Content-Type", "").startswith("application/json") and text:
        return json.loads(text)
    return text.decode()


def read_all(s):
    data = b""
    try:
        while True:
            more = s.recv(65536)
            if not more:
                return data
            data += more
    except ConnectionResetError:
        return data


def status_of(data):
    """Of raw bytes; 0: there is no answer."""
    parts = data.split(b" ", 2)
    return int(parts[1]) if data.startswith(b"HTTP/1.") and len(parts) > 1 else 0


def until(true, what):
    end = time.monotonic() + PATIENCE
    while not true():
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not after {PATIENCE} s")
        select.select([], [], [], 0.01)


def same(actual, expected):
    if actual != expected:
        raise AssertionError(f"{actual!r}, expected {expected!r}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"no {part!r} in {text!r}")


def cases_of(names):
    """The functions of a script whose names are sentences."""
    return [value for name, value in names.items()
            if callable(value) and getattr(value, "__module__", "") == "__main__" and name.count("_") > 1]


def run(cases):
    failed = 0
    for case in cases:
        try:
            case()
            print(f"ok {case.__name__}", flush=True)
        except Exception:
            failed += 1
            print(f"not ok {case.__name__}")
            traceback.print_exc(file=sys.stdout)
            sys.stdout.flush()
    return 1 if failed else 0
