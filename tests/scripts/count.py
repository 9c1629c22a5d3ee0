#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What scripts/count.py makes of reports: count.py ROOT. Prints "ok <case>" or "not ok <case>"."""

import pathlib
import subprocess
import sys
import tempfile
import xml.sax.saxutils as sax

CUNIT = "Suite: s\n  Test: one ...passed\n  Test: two ...printed by the test\n{}\n"
SUMMARY = "               tests      2      2      {}      {}        0\n"
ALL_WELL = CUNIT.format("passed") + SUMMARY.format(2, 0)
ONE_BAD = CUNIT.format("FAILED\n    1. x.c:1  - a") + SUMMARY.format(1, 1)

CASES = (
    ("a_binary_whose_cases_pass", "run", ALL_WELL, "2 passed, 0 failed"),
    ("a_case_that_failed", "fail", ONE_BAD, "1 passed, 1 failed"),
    ("a_leak_after_all_cases_passed", "fail", ALL_WELL, "2 passed, 1 failed"),
    ("a_crash_in_the_second_case", "fail", "  Test: one ...passed\n  Test: two ...", "1 passed, 1 failed"),
    ("a_crash_before_any_output", "fail", "", "0 passed, 1 failed"),
    ("a_script_whose_cases_pass", "run", "ok a\nok b\nok c\n", "3 passed, 0 failed"),
    ("a_script_with_a_case_that_failed", "fail", "ok a\nnot ok b\n    why\n", "1 passed, 1 failed"),
    ("a_test_that_prints_no_cases", "run", "hello\n", "1 passed, 0 failed"),
)


def count(root, reports):
    """The last line that scripts/count.py prints, and its exit status."""
    with tempfile.TemporaryDirectory() as folder:
        paths = []
        for number, text in enumerate(reports):
            paths.append(pathlib.Path(folder, f"{number}.xml"))
            paths[-1].write_text(text)
        said = subprocess.run(["python3", f"{root}/scripts/count.py", *paths], capture_output=True, text=True)
    return said.stdout.splitlines()[-1], said.returncode


def report(status, output):
    return (f'<testsuite><testcase name="t" status="{status}"><system-out>{sax.escape(output)}</system-out>'
            "</testcase></testsuite>")


def main():
    root = sys.argv[1]
    bad = 0
    tries = [(name, [report(status, output)], expected) for name, status, output, expected in CASES]
    tries.append(("two_reports_are_added", [report("run", ALL_WELL), report("fail", ONE_BAD)], "3 passed, 1 failed"))
    tries.append(("a_report_that_is_none_fails", ["", report("run", "ok a\n")], "1 passed, 1 failed"))
    tries.append(("no_test_at_all_fails", ["<testsuite/>"], "0 passed, 1 failed"))
    tries.append(("a_report_without_tests_beside_a_full_one_fails", ["<testsuite/>", report("run", ALL_WELL)],
                  "2 passed, 1 failed"))
    for name, reports, expected in tries:
        line, status = count(root, reports)
        good = line == expected and status == (0 if expected.endswith(", 0 failed") and line[0] != "0" else 1)
        print(("ok " if good else "not ok ") + name)
        if not good:
            print(f"    printed {line}, status {status}; expected {expected}")
        bad += not good
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
