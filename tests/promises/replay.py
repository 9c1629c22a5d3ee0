#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Plays the recorded conversations of each release to programs of this version: what the client sent to a server, and what the
server sent to a client. Their answers have to be those of the recording, except for fields that it declares to vary. With the
arguments "record FOLDER [NAME...]", makes the recordings of this version instead."""

import os
import pathlib
import sys
import tempfile
import threading
import traceback

import conversations
import player
import recorder
import recording
import talks

PROMISES = pathlib.Path(os.environ["PYRITE_SOURCE"], "tests/promises")
LEAST = 20  # conversations of a release


def as_client(made, schema):
    """A server of this version, and the recorded client."""
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as name:
        folder = pathlib.Path(name)

        def connect():
            plug = recorder.socket.socket(recorder.socket.AF_UNIX)
            plug.connect(str(folder / recorder.REAL))
            return plug

        with recorder.server(made.programs["server"], folder):
            return player.Player(made, "client", schema, connect).play()


def as_server(made, schema):
    """A client of this version, and the recorded server."""
    with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as name:
        folder = pathlib.Path(name)
        door, was_cut = recorder.listen(folder, recorder.HERE), threading.Event()
        with recorder.start(made.programs["client"], folder) as client:
            played = player.Player(made, "server", schema, lambda: door.accept()[0], was_cut.set)
            problems, prints = [], []

            def play():
                problems.extend(played.play())
                if problems:
                    client.kill()  # it may wait for what does not come any more

            thread = threading.Thread(target=play)
            thread.start()
            try:
                prints = recorder.talk(client, lambda: was_cut.wait(recorder.PATIENCE))
            except AssertionError as error:
                problems.append(str(error))
            thread.join(2 * recorder.PATIENCE)
            if client.poll() is None:
                client.kill()
        door.close()
    if prints != made.prints:
        problems.append(f"it prints {prints}, printed {made.prints}")
    return problems


ROLES = {"server": as_client, "client": as_server}


def replay(made, schema):
    """{role of the program of this version: problems}"""
    return {role: ROLES[role](made, schema) for role in made.programs}


class Cases:
    def __init__(self, only):
        self.only, self.failed = only, 0

    def run(self, name, problems_of):
        if self.only and not any(part in name for part in self.only):
            return
        try:
            problems = problems_of()
        except Exception:
            problems = traceback.format_exc().splitlines()
        self.failed += bool(problems)
        print(("not ok " if problems else "ok ") + name)
        for problem in problems:
            print("    " + problem, flush=True)


def releases():
    return sorted((p for p in PROMISES.iterdir() if p.name[0].isdigit()), key=lambda p: [int(n) for n in p.name.split(".")])


def main(only):
    cases = Cases(only)
    for folder in releases():
        schema = talks.Schema(folder)
        found = sorted((folder / "talks").glob("*.talk"))
        cases.run(f"{folder.name} has its conversations", lambda found=found: [] if len(found) >= LEAST else [
            f"there are {len(found)}"])
        for file in found:
            made = recording.parse(file)
            for role in made.programs:
                cases.run(f"{file.stem} of {folder.name}, with a {role} of this version", lambda role=role, made=made: ROLES[role](
                    made, schema))
    sys.exit(cases.failed > 0)


def record(folder, only):
    schema = talks.Schema(folder)
    target = folder / "talks"
    target.mkdir(exist_ok=True)
    for file in target.glob("*.talk") if not only else ():
        file.unlink()
    for name, made in conversations.ALL.items():
        if only and name not in only:
            continue
        with tempfile.TemporaryDirectory(prefix="pyrite-promises-") as place:
            recorder.record(made, pathlib.Path(place), schema)
        for role, problems in replay(made, schema).items():
            assert not problems, f"{name}, with a {role} of this version: " + "\n".join(problems)
        recording.write(target / f"{name}.talk", made)


if __name__ == "__main__":
    if sys.argv[1:2] == ["record"]:
        record(pathlib.Path(sys.argv[2]), sys.argv[3:])
    else:
        main(sys.argv[1:])
