#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The house style, as far as a script can see it: style.py ROOT. Prints "ok <rule>" or "not ok <rule>" and the places."""

import pathlib
import re
import shutil
import subprocess
import sys

ROOMS = ("idl", "codegen", "runtime", "nameserver", "samples", "tests", "tools")
CODE = {".c", ".h", ".l", ".y"}
TEXT = CODE | {".idl", ".proto", ".py", ".sh", ".bash", ".cmake", ".map", ".txt", ".in"}
# Files that are data: inputs of tests as others would write them, and outputs of the generator.
DATA = ("tests/golden/", "tests/bad/", "tests/fuzz/", "tests/corpus/", "tests/promises/0.")
FILE_LINES, FUNCTION_LINES, LINE_COLUMNS = 600, 80, 100
TAB = 8

MAY_SEE = {  # third-party header -> files of the runtime that may include it
    r"grpc/": r"link_.*|server|connection|core_api",
    r"protobuf-c/": r"codec.*",
    r"microhttpd": r"mhd",
}
UNFINISHED = ("TO" + "DO", "FIX" + "ME", "XX" + "X", "HA" + "CK")
BANNED = ("simply", "just works", "obviously", "blazing", "seamless", "leverage", "robust and", "cutting-edge",
          "world-class", "state-of-the-art")


class Rules:
    def __init__(self, root):
        self.root = root
        self.failed = 0
        self.files = sorted(self.listed())

    def listed(self):
        """The project's own files: what git knows where there is a git, else all but build output."""
        names = []
        if shutil.which("git"):
            git = ["git", "-C", self.root, "ls-files", "-z"]
            names = subprocess.run(git, capture_output=True, text=True).stdout.split("\0")[:-1]
        if not names:
            names = [str(p.relative_to(self.root)) for p in self.root.rglob("*") if p.is_file()]
        return [n for n in names if not n.startswith(("build/", ".git/")) and (self.root / n).is_file()]

    def code(self, suffixes=frozenset(CODE), data=False):
        for name in self.files:
            if pathlib.PurePath(name).suffix in suffixes and (data or not name.startswith(DATA)):
                yield name

    def lines(self, name):
        return (self.root / name).read_text(errors="replace").splitlines()

    def report(self, rule, problems):
        problems = list(problems)
        print(("not ok " if problems else "ok ") + rule)
        for problem in problems:
            print("    " + problem)
        self.failed += bool(problems)

    # The rules

    def spdx(self):
        for name in self.code(TEXT):
            first = self.lines(name)[:2]
            if not any("SPDX-License-Identifier: MIT" in line for line in first):
                yield f"{name}: no SPDX line"

    def file_length(self):
        for name in self.code(CODE | {".py", ".sh"}):
            n = len(self.lines(name))
            if n > FILE_LINES:
                yield f"{name}: {n} lines, {FILE_LINES} are allowed"

    def function_length(self):
        for name in self.code({".c", ".h"}):
            start = None
            for number, line in enumerate(self.lines(name), 1):
                if line == "{":
                    start = number
                elif line.startswith("}") and start:
                    if number - start - 1 > FUNCTION_LINES:
                        yield f"{name}:{start}: function of {number - start - 1} lines, {FUNCTION_LINES} are allowed"
                    start = None

    def line_length(self):
        for name in self.code({".c", ".h"}):
            for number, line in enumerate(self.lines(name), 1):
                if len(line.expandtabs(TAB)) > LINE_COLUMNS and "http" not in line:
                    yield f"{name}:{number}: longer than {LINE_COLUMNS} columns"

    def words(self, words):
        any_case = "|".join(re.escape(word) for word in words if not word.isupper())
        this_case = "|".join(re.escape(word) for word in words if word.isupper())
        either = "|".join(part for part in (this_case, any_case and f"(?i:{any_case})") if part)
        pattern = re.compile(rf"(?<!\w)(?:{either})(?!\w)")
        for name in self.code(TEXT | {".md"}):
            if name == "tests/style/style.py":
                continue
            text = (self.root / name).read_text(errors="replace")
            for found in pattern.finditer(text):
                yield f"{name}:{text.count(chr(10), 0, found.start()) + 1}: {found[0]}"

    def includes(self, name):
        for number, line in enumerate(self.lines(name), 1):
            found = re.match(r'\s*#\s*include\s*(["<])([^">]+)', line)
            if found:
                yield number, found[1], found[2]

    def third_party(self):
        for name in self.code({".c", ".h"}):
            if not name.startswith("runtime/"):
                continue
            stem = pathlib.PurePath(name).stem
            for number, _, header in self.includes(name):
                for prefix, files in MAY_SEE.items():
                    if header.startswith(prefix) and not re.fullmatch(files, stem):
                        yield f"{name}:{number}: {header} is not for this file"

    def rooms(self):
        """The name server, its tools and the samples use public headers alone; idl and codegen know no runtime but its
        version and status codes."""
        for name in self.code({".c", ".h", ".l", ".y"}):
            room = name.split("/")[0]
            for number, kind, header in self.includes(name):
                path = (self.root / name).parent / header
                if room in ("nameserver", "samples", "tools") and (
                    "runtime/" in header or (kind == '"' and (self.root / "runtime/src" / header).is_file()
                                             and not path.is_file())):
                    yield f"{name}:{number}: {header} is not public"
                if room in ("nameserver", "samples", "tools", "idl", "codegen") and header.startswith(
                        ("grpc/", "protobuf-c/")):
                    yield f"{name}:{number}: {header} is not for {room}/"
                if room in ("idl", "codegen") and re.match(r"pyrite/(?!pyrite\.h)", header):
                    yield f"{name}:{number}: {header}: {room}/ is below the runtime"
                if room == "idl" and "codegen" in header:
                    yield f"{name}:{number}: {header}: codegen/ is above idl/"

    def format(self):
        tool = shutil.which("clang-format")
        if not tool:
            print("notice: no clang-format here, the format was not looked at")
            return
        files = list(self.code({".c", ".h"}))
        said = subprocess.run([tool, "--dry-run", "--ferror-limit=1", *files], cwd=self.root, capture_output=True,
                              text=True).stderr
        places = {}
        for line in said.splitlines():
            found = re.match(r"([^:\s]+):(\d+):\d+: (?:warning|error): code should be clang-formatted", line)
            if found:
                places.setdefault(found[1], found[2])
        for name, line in places.items():
            yield f"{name}:{line}: clang-format would change it"

    def spaces(self):
        for name in self.code(TEXT | {".md"}):
            text = (self.root / name).read_text(errors="replace")
            if text and not text.endswith("\n"):
                yield f"{name}: no newline at its end"
            for number, line in enumerate(text.splitlines(), 1):
                if line != line.rstrip():
                    yield f"{name}:{number}: spaces at the end of the line"


def main():
    rules = Rules(pathlib.Path(sys.argv[1]).resolve())
    rules.report("each_file_has_its_spdx_line", rules.spdx())
    rules.report("no_file_is_longer_than_600_lines", rules.file_length())
    rules.report("no_function_is_longer_than_80_lines", rules.function_length())
    rules.report("no_line_is_longer_than_100_columns", rules.line_length())
    rules.report("nothing_is_marked_as_unfinished", rules.words(UNFINISHED))
    rules.report("no_banned_words", rules.words(BANNED))
    rules.report("third_party_headers_stay_in_their_files", rules.third_party())
    rules.report("rooms_include_only_lower_rooms", rules.rooms())
    rules.report("clang_format_has_nothing_to_change", rules.format())
    rules.report("no_stray_spaces", rules.spaces())
    return 1 if rules.failed else 0


if __name__ == "__main__":
    sys.exit(main())
