#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""docs/pyro.md has a line for each row of Pyro's features, and ctest runs the tests it names: pyro_rows.py ROOT. Prints
"ok <rule>" or "not ok <rule>" and the places."""

import json
import os
import pathlib
import re
import subprocess
import sys

ROWS = [f"{table}{n}" for table, numbers in {
    "A": range(1, 10), "B": range(1, 23), "C": range(1, 13), "D": range(1, 17), "E": range(1, 7), "F": range(1, 8),
    "G": range(1, 15), "H": (1, 2, 3, 5, 6, 7), "T": range(1, 18)}.items() for n in numbers]
MESSAGES = """cannot connect to|rejected:|receiving: not enough data|receiving: timeout|failed to reconnect
Failed to locate the nameserver|unknown name:|name already registered:|invalid regex:|unknown object|no free workers
max message size exceeded|serializer that is not accepted|unsupported protocol version|header checksum mismatch
invalid msg type|hmac key config not symmetric|message hmac mismatch|cannot reuse this object|you can only filter on one
""".strip().replace("\n", "|").split("|")
# A line that is not built has this for its tests, and says in its last column what is missing. Such a line has no test
# to name; where only a part is missing, the last column alone says so.
NOT_YET = "not yet"


class Line:
    """A line of a table: what it is for, its tests as (file, case), its last column."""

    def __init__(self, cells, shown):
        self.name, self.shown, self.last = cells[0], cells[shown], cells[-1]
        self.cases = []
        for part in self.shown.split(";") if self.shown != NOT_YET else []:
            found = re.fullmatch(r"`([\w/.]+)`: (\w+(?:, \w+)*)", part.strip())
            self.cases += [(found[1], case) for case in found[2].split(", ")] if found else [(part.strip(), "")]

    def is_named_for_it(self):
        return any(self.name.lower() in case.split("_") for _, case in self.cases)


class Page:
    def __init__(self, root):
        self.root = root
        self.failed = 0
        self.rows, self.messages, self.broken = {}, [], []
        for number, text in enumerate((root / "docs/pyro.md").read_text().splitlines(), 1):
            if text.startswith("|"):
                self.read(number, [cell.strip() for cell in text[1:].removesuffix("|").split("|")])

    def read(self, number, cells):
        if re.fullmatch(r"[A-Z]\d+", cells[0]):
            if len(cells) != 5 or cells[0] in self.rows:
                self.broken.append(f"line {number}: {cells[0]} has {len(cells)} columns, or stands there twice")
            else:
                self.rows[cells[0]] = Line(cells, 3)
        elif len(cells) == 4 and cells[0].startswith("`"):
            self.messages.append(Line(cells, 3))

    def report(self, rule, problems):
        problems = list(problems)
        print(("not ok " if problems else "ok ") + rule)
        for problem in problems:
            print("    " + problem)
        self.failed += bool(problems)

    # The rules

    def missing_rows(self):
        yield from self.broken
        for name in ROWS:
            if name not in self.rows:
                yield f"{name}: no line"

    def tests_of_rows(self):
        for name in ROWS:
            row = self.rows.get(name)
            if row and row.shown == NOT_YET and NOT_YET not in row.last:
                yield f"{name}: its last column does not say what is missing"
            if row and row.shown != NOT_YET and not row.is_named_for_it():
                yield f"{name}: none of its tests has {name.lower()} in its name"

    def missing_messages(self):
        for text in MESSAGES:
            if not any(text in line.name for line in self.messages):
                yield f"{text}: no line"
        for line in self.messages:
            if not line.cases and line.shown != NOT_YET:
                yield f"{line.name}: no test"

    def has_case(self, file, case):
        path = self.root / "tests" / file
        if not case or not path.is_file():
            return False
        text = path.read_text()
        if path.suffix == ".c":  # written, and in the list of what runs
            return bool(re.search(rf"^[A-Z_]+\({case}\b.*\)$", text, re.M) and re.search(rf"\bT\({case}\)", text))
        if path.suffix == ".py":
            runs = re.search(r"_cases\(globals\(\)\)|cases_of\(globals\(\)", text) or re.search(rf"@case\ndef {case}\(|(?<!def )\b{case}\b", text)
            return bool(f"\ndef {case}(" in text and runs or f'"{case}"' in text)
        return bool(re.search(rf"^\s*check {case} ", text, re.M))

    def missing_tests(self):
        for line in (*self.rows.values(), *self.messages):
            for file, case in line.cases:
                if not self.has_case(file, case):
                    yield f"{line.name}: tests/{file} has no {case or 'case that is named'}"

    def files_that_run(self):
        """What ctest runs in this build, as names of files below tests/, and what such scripts import beside them."""
        list_them = ["ctest", "--test-dir", os.environ["PYRITE_BUILD"], "--show-only=json-v1"]
        found = set()
        for test in json.loads(subprocess.run(list_them, capture_output=True, check=True).stdout)["tests"]:
            if any(p["name"] == "DISABLED" and p["value"] for p in test.get("properties", [])):
                continue
            program = pathlib.Path(test["command"][0]).name if "command" in test else ""
            found |= {f"unit/{program}.c"} if program.startswith("test_") else set()
            for word in test.get("command", []):
                if word.startswith(f"{self.root}/tests/"):
                    found.add(str(pathlib.Path(word).relative_to(self.root / "tests")))
        for name in [n for n in found if n.endswith(".py")]:
            script = self.root / "tests" / name
            for module in re.findall(r"^(?:from|import) (\w+)", script.read_text(), re.M):
                found.add(f"{pathlib.PurePath(name).parent}/{module}.py")
        return found

    def tests_that_do_not_run(self):
        run = self.files_that_run()
        named = {file for line in (*self.rows.values(), *self.messages) for file, case in line.cases if case}
        for file in sorted(named - run):
            yield f"tests/{file}: ctest does not run it"

    def drift(self):
        headers = "".join(p.read_text() for p in sorted((self.root / "runtime/include/pyrite").glob("*.h")))
        settings = "".join((self.root / p).read_text() for p in ("runtime/src/base/config.c", "runtime/src/base/log_form.c", "tools/keys.c", "nameserver/pyrite_ns.c",
                                                                      "tests/promises/older.sh", "tests/CMakeLists.txt"))
        for page in (self.root / "README.md", *sorted((self.root / "docs").glob("*.md"))):
            text = page.read_text()
            for name in sorted(set(re.findall(r"\b(pyr_\w+)\(", text))):
                if not re.search(rf"\b{name}\(", headers):
                    yield f"{page.name}: there is no {name}()"
            for name in sorted(set(re.findall(r"\bPYRITE_[A-Z_]*[A-Z]\b", text))):
                if (f'"{name}"' not in settings and f"${{{name}:-" not in settings and f"\t{name}=" not in settings
                        and f"{name} :=" not in text):
                    yield f"{page.name}: there is no setting {name}"


def main():
    page = Page(pathlib.Path(sys.argv[1]).resolve())
    page.report("each_row_of_pyros_features_has_a_line", page.missing_rows())
    page.report("each_row_has_a_test_named_for_it_or_says_what_is_missing", page.tests_of_rows())
    page.report("each_message_of_pyro_has_its_counterpart", page.missing_messages())
    page.report("each_test_that_is_named_is_there", page.missing_tests())
    page.report("each_test_that_is_named_is_run", page.tests_that_do_not_run())
    page.report("t16_the_pages_name_no_setting_or_function_that_is_not_there", page.drift())
    print("notice: not yet: " + " ".join(name for name, row in page.rows.items() if row.shown == NOT_YET))
    return 1 if page.failed else 0


if __name__ == "__main__":
    sys.exit(main())
