#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The same service in several systems: compare.py [--publish | --check] [SYSTEM...]

Builds and runs the programs beside this file, a server that adds and a client that prints 3, and prints a table of how
much code they are, how large the stripped client is, and which shared libraries it loads. --publish writes the table into
docs/comparison.md; --check fails if a program does not work, or the page has other numbers of lines. Environment:
PYRITE_SOURCE, PYRITE_BUILD. `scripts/deps --long` installs what the other systems need.
"""

import json
import os
import pathlib
import re
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
SOURCE = HERE.parent.parent
BUILD = pathlib.Path(os.environ.get("PYRITE_BUILD", SOURCE / "build/release"))
PAGE = SOURCE / "docs/comparison.md"

# title, IDL, programs, commands that build server and client; {s} is the folder of the sources
SYSTEMS = {
    "pyrite": ("Pyrite", "add.idl", "server.c client.c", [
        f"{BUILD}/bin/pyrite-idl --c . {{s}}/add.idl",
        *(f"cc -O2 -I. -I{SOURCE}/runtime/include -o {p} {{s}}/{p}.c add.c -L{BUILD}/lib -lpyrite -Wl,-rpath,{BUILD}/lib"
          for p in ("server", "client"))]),
    "grpc": ("gRPC C++", "add.proto", "server.cc client.cc", [
        "protoc -I{s} --cpp_out=. --grpc_out=. --plugin=protoc-gen-grpc=/usr/bin/grpc_cpp_plugin {s}/add.proto",
        *(f"c++ -O2 -I. -o {p} {{s}}/{p}.cc add.pb.cc add.grpc.pb.cc $(pkg-config --cflags --libs grpc++ protobuf)"
          for p in ("server", "client"))]),
    "thrift": ("Thrift c_glib", "add.thrift", "server.c client.c", [
        "thrift --gen c_glib -out . {s}/add.thrift",
        *(f"cc -O2 -I. -o {p} {{s}}/{p}.c add_*.c $(pkg-config --cflags --libs thrift_c_glib gobject-2.0)"
          for p in ("server", "client"))]),
    "capnp": ("Cap'n Proto", "add.capnp", "server.cc client.cc", [
        "capnp compile -oc++:. --src-prefix={s} {s}/add.capnp",
        *(f"c++ -O2 -I. -o {p} {{s}}/{p}.cc add.capnp.c++ $(pkg-config --cflags --libs capnp-rpc)"
          for p in ("server", "client"))]),
    "omniorb": ("CORBA: omniORB", "add.idl", "server.cc client.cc", [
        "omniidl -bcxx -C. {s}/add.idl",
        *(f"c++ -O2 -I. -o {p} {{s}}/{p}.cc addSK.cc $(pkg-config --cflags --libs omniORB4)"
          for p in ("server", "client"))]),
    "ice": ("ZeroC Ice", "Add.ice", "server.cc client.cc", [
        "slice2cpp --output-dir . {s}/Add.ice",
        *(f"c++ -O2 -DICE_CPP11_MAPPING -I. -o {p} {{s}}/{p}.cc Add.cpp -lIce++11" for p in ("server", "client"))]),
    "sdbus": ("D-Bus: sd-bus", "", "server.c client.c", [
        *(f"cc -O2 -o {p} {{s}}/{p}.c $(pkg-config --cflags --libs libsystemd)" for p in ("server", "client"))]),
    "pyro4": ("Pyro4", "", "server.py client.py", []),
}


def code_lines(path):
    """Lines that are not blank, comment or a lone brace."""
    text = path.read_text()
    return sum(not re.fullmatch(r"\s*([{}]+[;,]?|#(?!include).*|//.*|/\*.*\*/)?", line) for line in text.splitlines())


def stripped_size(path):
    """Bytes of a library without what debuggers read."""
    with tempfile.NamedTemporaryFile(prefix="pyrite.") as copy:
        subprocess.run(["strip", "--strip-unneeded", "-o", copy.name, path], check=True)
        return os.path.getsize(copy.name)


def libraries(program):
    """Shared libraries that a program loads beside the C library: their number and bytes."""
    told = subprocess.run(["ldd", program], capture_output=True, text=True, check=True).stdout
    paths = {os.path.realpath(path) for path in re.findall(r"=> (/\S+)", told)}
    paths = {path for path in paths if not re.match(r"(libc|libm|ld-linux.*)\.so", os.path.basename(path))}
    return len(paths), sum(map(stripped_size, paths))


def answer(command, folder):
    """What the client prints that is given what the server prints."""
    run, prefix = (["/usr/bin/python3"] if command.endswith(".py") else []), []
    argument = [f"{folder}/socket"] if "thrift" in folder else []
    if "sdbus" in folder:
        prefix = ["dbus-run-session", "--"]
        script = './server >name & p=$!; until [ -s name ]; do sleep 0.02; done; ./client "$(cat name)"; kill $p'
        return subprocess.run([*prefix, "bash", "-c", script], cwd=folder, capture_output=True, text=True, timeout=30).stdout
    server = subprocess.Popen([*run, command.replace("client", "server"), *argument], cwd=folder, stdout=subprocess.PIPE, text=True)
    try:
        where = server.stdout.readline().strip()
        for _ in range(100):
            client = subprocess.run([*run, command, where], cwd=folder, capture_output=True, text=True, timeout=30)
            if client.returncode == 0 or "thrift" not in folder:  # which says where it listens before it does
                break
        return client.stdout or client.stderr
    finally:
        server.kill()
        server.wait()


def measure(name, folder):
    """A row of the table; SystemExit if the programs do not work."""
    title, idl, programs, commands = SYSTEMS[name]
    os.mkdir(folder)
    for command in commands:
        subprocess.run(command.format(s=HERE / name), cwd=folder, shell=True, check=True)
    client = f"{folder}/client" if commands else f"{HERE / name}/client.py"
    said = answer(client, folder)
    if said != "3\n":
        sys.exit(f"{title}: the client printed {said!r}")
    lines = [code_lines(HERE / name / file) for file in ([idl] if idl else []) + programs.split()]
    cells = [title, str(sum(lines)), " + ".join(map(str, lines))]
    if not commands:
        return cells + ["–", "–", "–"]
    subprocess.run(["strip", client], check=True)
    n, size = libraries(client)
    return cells + [f"{os.path.getsize(client) / 1024:.0f}", str(n), f"{size / 1048576:.1f}"]


# title, group, x, figure, divisor, digits of each figure in the table of speed
COLUMNS = [
    ("One call, us of CPU", "serial", None, "cpu", 1, 0), ("64 in flight, calls/s", "flight", 64, "rate", 1, 0),
    ("16 threads, calls/s", "threads", 16, "rate", 1, 0), ("64 KiB, MB/s", "bytes", 65536, "mb", 1, 0),
    ("1 MiB, MB/s", "bytes", 1048576, "mb", 1, 0), ("16 MiB, MB/s", "bytes", 16777216, "mb", 1, 0),
    ("Connect and call, us", "connect", None, "p50", 1, 0), ("Start and call, ms", "start", None, "p50", 1000, 1),
    ("Client after a call, MiB", "client", None, "client", 1024, 1), ("Idle connection, KiB", "idle", 1000, "rss", 1, 1)]
CONTENDERS = ["Pyrite, socket", "Pyrite, gRPC", "gRPC C++", "Thrift", "Cap'n Proto", "omniORB", "ZeroC Ice", "sd-bus",
              "ONC RPC", "nng", "Pyro4", "raw sockets"]


def figures():
    """contender -> its figures as texts, from what scripts/bench --publish has written."""
    found = {}
    for row in json.loads((SOURCE / "docs/figures/bench.json").read_text())["rows"]:
        if row["over"] == "TCP":
            found.setdefault((row["who"], row["group"], row["x"]), row["median"])

    def text(who, group, x, figure, divisor, digits):
        value = found.get((who, group, x), {}).get(figure)
        return "–" if value is None else f"{value / divisor:,.{digits}f}"

    return {who: [text(who, *column[1:]) for column in COLUMNS] for who in CONTENDERS}


def speed():
    """The table of figures."""
    rows = [[f"**{who}**" if who.startswith("Pyrite") else who, *cells] for who, cells in figures().items()]
    return lines_of(["", *(column[0] for column in COLUMNS)], rows)


def readme_has_the_figures():
    """Whether the README's table has the same figures."""
    text, cells = (SOURCE / "README.md").read_text(), figures()
    rows = [[cells[who][column] + unit for who in ("Pyrite, socket", "gRPC C++", "Thrift", "raw sockets")]
            for column, unit in ((0, " us"), (1, ""), (9, " KiB"))]
    return all(f"| {' | '.join(row)} |\n" in text for row in rows)


def table(rows):
    return lines_of(["", "Lines", "IDL + server + client", "Client, KiB", "Libraries", "Their size, MiB"], rows)


def lines_of(head, rows):
    lines = [head, ["---"] + ["---:"] * (len(head) - 1), *rows]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def split_at(part):
    """The page before, in and behind a part that is written here."""
    begin, end = f"<!-- {part}: written by tests/compare/compare.py --publish -->\n", f"<!-- end of {part} -->\n"
    before, rest = PAGE.read_text().split(begin)
    inside, behind = rest.split(end)
    return before + begin, inside, end + behind


def publish(part, text):
    before, _, behind = split_at(part)
    PAGE.write_text(before + text + behind)


def report(name, good):
    print(f"{'ok' if good else 'not ok'} {name}")
    return good


def main():
    options = [word for word in sys.argv[1:] if word.startswith("--")]
    names = [word for word in sys.argv[1:] if word not in options] or list(SYSTEMS)
    with tempfile.TemporaryDirectory(prefix="pyrite.") as place:
        rows = [measure(name, f"{place}/{name}") for name in names]
    print(table(rows), end="")
    good = True
    if "--publish" in options:
        publish("programs", table(rows))
        publish("speed", speed())
    if "--check" in options:
        shown = split_at("programs")[1]
        good &= report("the figures of the page are those of the last measurement", split_at("speed")[1] == speed())
        good &= report("the figures of the README are those of the last measurement", readme_has_the_figures())
        for row in rows:
            good &= report(f"{row[0]} adds, in as many lines as the page says", f"| {' | '.join(row[:3])} |" in shown)
    return not good


if __name__ == "__main__":
    sys.exit(main())
