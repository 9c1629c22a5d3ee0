#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Counts single test cases in ctest's JUnit reports: count.py report.xml...

A ctest test is a CUnit binary, a script that prints "ok name" and "not ok name", or anything else, which counts as
one case. A binary that ends badly without a failed case (a crash, a leak, a time-out) counts as one failed case more,
and so does a report that tells of no test at all.
"""

import re
import sys
import xml.etree.ElementTree as xml

CUNIT = re.compile(r"^  Test: (.+?) \.\.\.", re.MULTILINE)
CUNIT_SUMMARY = re.compile(r"^ +tests +(\d+) +(\d+) +(\d+) +(\d+)", re.MULTILINE)
SCRIPT = re.compile(r"^(ok|not ok) (.*)$", re.MULTILINE)


def cases(output):
    """(name, passed) of each case that an output tells of."""
    parts = CUNIT.split(output)[1:]
    found = [(name, "FAILED" not in text) for name, text in zip(parts[::2], parts[1::2])]
    if found and not CUNIT_SUMMARY.search(output):
        found.pop()  # the case it crashed in: the caller counts it
    return found or [(name, result == "ok") for result, name in SCRIPT.findall(output)]


def count(report):
    passed, failed = 0, []
    for test in xml.parse(report).getroot().iter("testcase"):
        name = test.get("name")
        output = test.findtext("system-out") or ""
        ran = cases(output)
        bad = [f"{name}: {case}" for case, good in ran if not good]
        passed += len(ran) - len(bad)
        if test.get("status") == "run":
            passed += not ran
        elif not bad:
            bad.append(f"{name}: ended badly ({test.get('status')})")
        failed += bad
    return passed, failed


def main():
    passed, failed = 0, []
    for report in sys.argv[1:]:
        try:
            more_passed, more_failed = count(report)
            if more_passed + len(more_failed) == 0:
                more_failed = [f"{report}: no test was run"]
        except (OSError, xml.ParseError) as error:
            more_passed, more_failed = 0, [f"{report}: {error}"]
        passed += more_passed
        failed += more_failed
    for name in failed:
        print(f"failed: {name}")
    print(f"{passed} passed, {len(failed)} failed")
    return 1 if failed or not passed else 0


if __name__ == "__main__":
    sys.exit(main())
