#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The arrows between modules, seen twice: by includes, and by the symbols of the object files.

    arrows.py ROOT BUILD            the test: prints "ok <rule>" or "not ok <rule>" and the places
    arrows.py ROOT BUILD --report   a table: files, lines, arrows and circles of each module

A module is a directory. A unit is a .c file with the header of its name. Unit A has an arrow to unit B if a file of A
includes B's header, or if A's object file needs a symbol that B's defines. ALLOWED holds every arrow there may be
between modules; a circle between modules is never allowed, and one between units of a module only as far as KNOTS has
it.
"""

import collections
import pathlib
import re
import subprocess
import sys

# module -> the modules that it may use, beside itself. In the order of the layers, the lowest first.
ALLOWED = {
    "base": set(),
    "engine": {"base"},
    "wire": {"base"},
    "value": {"base", "wire"},
    "tls": {"base"},
    "key": {"base"},
    "rules": {"base"},
    "link": {"base", "engine", "wire", "tls"},
    "door": {"base", "wire", "tls"},
    "exec": {"base", "engine"},
    "tally": {"base"},
    "object": {"base", "wire", "tally"},
    "peer": {"base", "engine", "wire", "tls", "key", "link", "exec"},
    "reference": {"base", "wire", "exec", "object", "peer"},
    "session": {"base", "engine", "wire", "link", "peer", "reference"},
    "stream": {"base", "engine", "wire", "exec", "peer", "reference"},
    "context": {"base", "engine", "wire"},
    "outcall": {"base", "engine", "wire", "exec", "peer", "reference", "session", "stream", "context"},
    "incall": {"base", "engine", "wire", "exec", "object", "tally", "reference", "stream", "context"},
    "direct": {"base", "engine", "wire", "link", "exec", "object", "context", "incall"},
    "serve": {"base", "engine", "wire", "rules", "link", "exec", "object", "peer", "reference", "stream", "context", "incall", "direct"},
    "protocol": {"object", "peer", "reference", "session", "outcall", "serve"},
    "face/grpc": {"base", "engine", "wire", "rules", "link", "door", "exec", "object", "peer", "stream", "incall"},
    "proxy": {"base", "engine", "wire", "tls", "key", "link", "door", "exec", "object", "peer", "reference", "session", "stream", "context",
              "outcall", "incall", "direct", "protocol", "face/grpc"},
    "future": {"base", "engine", "wire", "exec", "reference", "session", "context", "outcall", "incall", "proxy"},
    "forward": {"base", "engine", "wire", "exec", "peer", "reference", "session", "stream", "outcall", "incall", "proxy"},
    "pool": {"base", "engine", "proxy"},
    "task": {"base", "engine", "exec", "context", "incall"},
    "generic": {"base", "wire", "context", "object", "stream", "proxy", "value"},
    "face": {"base", "link", "door", "object", "proxy"},
    "face/pyro": {"base", "engine", "wire", "rules", "key", "link", "door", "object", "context", "value", "generic", "face", "proxy"},
    "naming": {"base", "engine", "exec", "outcall", "proxy", "future", "task"},
    "face/http": {"base", "context", "door", "object", "tally", "face", "generic", "naming", "proxy", "value"},
    "daemon": {"base", "engine", "wire", "value", "tally", "tls", "key", "rules", "link", "door", "exec", "object", "peer", "reference", "incall", "serve", "protocol",
               "face/grpc", "face", "face/http", "face/pyro", "naming"},
    "servant": {"base", "wire", "value", "incall", "proxy", "generic", "daemon"},
    "idl": {"base"},
    "codegen": {"base", "wire", "idl"},
    "nameserver/etcd": set(),
    "nameserver": {"nameserver/etcd"},
}

# Units of one module that reach each other: a knot may lose units, and gains none.
KNOTS = (
    ("engine",
        "engine engine_core engine_fiber engine_lead engine_loop engine_own engine_poll engine_tick engine_timer engine_watch"),
    ("wire",
        "codec codec_build codec_internal codec_stamp codec_values"),
    # Values hold values; what is in an any is one.
    ("value",
        "value value_any value_own value_read value_scalar value_write"),
    ("door",
        "door door_folder door_given door_links door_listen door_own door_protocol door_tls door_unix"),
    # A connection hands its session to the settings, which make its context.
    ("tls",
        "tls tls_bio tls_identity tls_load tls_own tls_settings"),
    ("exec",
        "exec exec_chains exec_guest exec_lanes exec_nest exec_own exec_threads"),
    ("link",
        "link_socket link_socket_in link_socket_own link_socket_tls"),
    ("peer",
        "outbox peer peer_auth peer_hello peer_queue peer_silence"),
    ("stream",
        "stream stream_charge stream_references stream_room"),
    # A reference leads to what came over a link, and what goes over one is a reference.
    ("reference",
        "imports reference references references_own"),
    # A call has streams, which end it when they fail, and it them when it is over; a call ends when the one that it is
    # part of does.
    ("outcall",
        "outcall outcall_along outcall_place outcall_resume outcall_stream peer_out"),
    # A session and its calls end each other.
    ("direct",
        "direct direct_call direct_own"),
    ("incall",
        "deferred incall incall_context incall_raise incall_stream"),
    # A session's hook is a call, asked before the others; a batch is a call that has calls.
    ("serve",
        "peer_answer peer_batch peer_bind peer_greet peer_in peer_linger peer_linger_own serve_direct serve_stream"),
    # Pyro's object of each daemon tells of all objects, and is one.
    ("face/pyro",
        "adapters daemon_object names objects"),
    # They hand connections to each other.
    ("face/pyro",
        "keeper workers"),
    ("face/grpc",
        "connection server"),
    ("face/grpc",
        "link_auto link_plain link_plain_answer link_plain_call link_plain_frames"),
    ("face/grpc",
        "plain plain_call plain_stream"),
    # Parts of one thing that is made.
    ("face/grpc",
        "descriptor descriptor_known descriptor_message descriptor_own descriptor_types"),
    # A proxy of several objects has proxies.
    ("proxy",
        "group group_members patience proxy proxy_about proxy_bind proxy_follow proxy_greet proxy_like proxy_lost"
        " proxy_new proxy_reference"
        " proxy_session proxy_terms"),
    ("naming",
        "naming_here naming_lease"),
    ("daemon",
        "daemon daemon_admit"),
    # A declaration may hold others: recursion of the matter.
    ("idl",
        "check check_interface check_types"),
    # Lines that are directives change what is read next.
    ("idl",
        "pp pp_directive"),
    ("nameserver",
        "database database_check database_own database_rows"),
    ("nameserver",
        "registry registry_check registry_deeds registry_own registry_shared revoked"),
    ("nameserver",
        "service service_change service_list service_own"),
    # Those who watch are told, and leave.
    ("nameserver",
        "watch watch_own watchers"),
    # A replica that has missed something is read again, and then watches.
    ("nameserver",
        "replica replica_own replica_read"),
    ("nameserver",
        "etcd_bundle etcd_request store_etcd"),
)

PLACES = ("runtime/src", "idl", "codegen", "nameserver")


class Tree:
    def __init__(self, root, build):
        self.root = root
        self.nameless = []  # includes of the runtime without a module
        self.units = {}  # name of a unit, "base/uri" -> its files
        for place in PLACES:
            for path in sorted((root / place).rglob("*")):
                if path.suffix in (".c", ".h", ".y", ".l"):
                    self.units.setdefault(self.unit_of(path), []).append(path)
        self.arrows = collections.defaultdict(set)  # (from, to) -> {"include", "symbol"}
        self.add_includes()
        self.add_symbols(build)

    def unit_of(self, path):
        name = str(path.relative_to(self.root).with_suffix(""))
        return name.removeprefix("runtime/src/")

    def add(self, user, used, kind):
        if user != used:
            self.arrows[user, used].add(kind)

    def add_includes(self):
        for unit, files in self.units.items():
            for path in files:
                for header in re.findall(r'^\s*#\s*include\s*"([^"]+)"', path.read_text(errors="replace"), re.M):
                    if "runtime/src/" in str(path) and "/" not in header:
                        self.nameless.append(f"{path.relative_to(self.root)}: {header}")
                    for base in (path.parent, self.root / "runtime/src"):
                        if (base / header).is_file():
                            self.add(unit, self.unit_of((base / header).resolve()), "include")
                            break

    def objects(self, build):
        """Object file -> unit. Generated sources belong to the unit of the file they were made from."""
        for path in sorted(build.rglob("*.o")):
            parts = path.relative_to(build).parts
            if len(parts) < 4 or parts[1] != "CMakeFiles" or parts[0] not in ("runtime", "idl", "codegen", "nameserver"):
                continue
            inside = "/".join(parts[3:]).removesuffix(".o").removesuffix(".c").removeprefix("src/")
            unit = inside if parts[0] == "runtime" else parts[0] + "/" + inside
            # an old build directory may hold objects of files that are gone
            if any(file.suffix != ".h" for file in self.units.get(unit, ())):
                yield path, unit

    def add_symbols(self, build):
        defined, needed, units = {}, [], {str(path): unit for path, unit in self.objects(build)}
        said = subprocess.run(["nm", "-g", "-A", *units], capture_output=True, text=True, check=True).stdout if units else ""
        for line in said.splitlines():
            path, symbol = line.split(".o:", 1)
            unit, found = units[path + ".o"], re.match(r"[0-9a-f]* +([A-Za-z]) (\S+)$", symbol.rjust(1))
            if found and found[1] in "uUw":
                needed.append((unit, found[2]))
            elif found:
                defined[program_of(unit), found[2]] = unit
        self.has_symbols = bool(defined)
        for unit, symbol in needed:
            if (program_of(unit), symbol) in defined:
                self.add(unit, defined[program_of(unit), symbol], "symbol")


def program_of(unit):
    """What is linked together by names that are not public."""
    top = unit.split("/")[0]
    return {"codegen": "idl"}.get(top, top) if top in ("idl", "codegen", "nameserver") else "runtime"


def module_of(unit):
    return unit.rsplit("/", 1)[0]


def circles(nodes, arrows):
    """The sets of more than one node that reach each other (Tarjan)."""
    following = collections.defaultdict(list)
    for user, used in arrows:
        following[user].append(used)
    index, low, stack, found = {}, {}, [], []

    def visit(node):
        index[node] = low[node] = len(index)
        stack.append(node)
        for other in following[node]:
            if other not in index:
                visit(other)
                low[node] = min(low[node], low[other])
            elif other in stack:
                low[node] = min(low[node], index[other])
        if low[node] == index[node]:
            component = []
            while not component or component[-1] != node:
                component.append(stack.pop())
            if len(component) > 1:
                found.append(sorted(component))

    sys.setrecursionlimit(10000)
    for node in sorted(nodes):
        if node not in index:
            visit(node)
    return found


def report(tree):
    modules = sorted({module_of(unit) for unit in tree.units})
    print(f"{'module':<16}{'files':>6}{'lines':>7}{'units':>6}{'inside':>7}{'out':>5}{'in':>5}  largest circle of units")
    for module in modules:
        units = [u for u in tree.units if module_of(u) == module]
        files = [f for u in units for f in tree.units[u]]
        lines = sum(len(f.read_text(errors="replace").splitlines()) for f in files)
        inside = [a for a in tree.arrows if module_of(a[0]) == module_of(a[1]) == module]
        out = [a for a in tree.arrows if module_of(a[0]) == module != module_of(a[1])]
        into = [a for a in tree.arrows if module_of(a[1]) == module != module_of(a[0])]
        knot = max(circles(units, inside), key=len, default=[])
        print(f"{module:<16}{len(files):>6}{lines:>7}{len(units):>6}{len(inside):>7}{len(out):>5}{len(into):>5}  "
              f"{len(knot) or '-'} {' '.join(u.rsplit('/', 1)[1] for u in knot)}")
    between = {(module_of(a), module_of(b)) for a, b in tree.arrows} - {(m, m) for m in modules}
    print(f"{len(tree.units)} units, {len(tree.arrows)} arrows: "
          f"{sum('include' in k for k in tree.arrows.values())} by includes, "
          f"{sum('symbol' in k for k in tree.arrows.values())} by symbols; {len(between)} between modules")
    for knot in circles(modules, between):
        print("circle of modules: " + " ".join(knot))


def check(rule, problems):
    problems = list(problems)
    print(("not ok " if problems else "ok ") + rule)
    for problem in problems:
        print("    " + problem)
    return not problems


def known_knots():
    return [{f"{module}/{name}" for name in names.split()} for module, names in KNOTS]


def test(tree):
    modules = {module_of(unit) for unit in tree.units}
    between = collections.defaultdict(list)
    for (user, used), kinds in sorted(tree.arrows.items()):
        if module_of(user) != module_of(used):
            between[module_of(user), module_of(used)].append(f"{user} -> {used} ({', '.join(sorted(kinds))})")
    inside = [a for a in tree.arrows if module_of(a[0]) == module_of(a[1])]
    knots = circles(tree.units, inside)
    good = [
        check("the_object_files_were_found", [] if tree.has_symbols else ["no symbols below the build directory"]),
        check("each_module_is_in_the_table", sorted(modules ^ set(ALLOWED))),
        check("modules_use_only_what_the_table_allows",
              (place for (user, used), places in between.items() if used not in ALLOWED.get(user, ())
               for place in places)),
        check("the_table_allows_nothing_that_is_not_used",
              (f"{user} -> {used}" for user, all_used in ALLOWED.items() for used in all_used
               if (user, used) not in between)),
        check("modules_do_not_form_circles", (" ".join(c) for c in circles(modules, between))),
        check("units_of_a_module_form_no_new_circles",
              (" ".join(k) for k in knots if not any(set(k) <= known for known in known_knots()))),
        check("each_known_knot_is_still_there",
              (" ".join(sorted(known)) for known in known_knots() if not any(set(k) <= known for k in knots))),
        check("the_runtime_s_includes_name_their_module", tree.nameless),
    ]
    return all(good)


def main():
    tree = Tree(pathlib.Path(sys.argv[1]).resolve(), pathlib.Path(sys.argv[2]).resolve())
    if sys.argv[3:] == ["--report"]:
        report(tree)
        return 0
    return 0 if test(tree) else 1


if __name__ == "__main__":
    sys.exit(main())
