#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Runs every recipe of docs/cookbook by its text alone, and docs/coming-from-grpc.md: cookbook.py [--grpc | RECIPE...].

The files that a page shows are taken out of it into an empty folder, run.sh among them, which runs there with Pyrite
installed in a folder of its own, and has to print what the page says. Two recipes run at a time, each with a name
server of its own. A recipe must not leave a process behind.
"""

import concurrent.futures
import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys
import tempfile

SOURCE = pathlib.Path(os.environ["PYRITE_SOURCE"])
BUILD = pathlib.Path(os.environ["PYRITE_BUILD"])
PAGES = SOURCE / "docs" / "cookbook"
SECONDS = 120  # compilers included, on a busy machine
WARNINGS = "-std=gnu11 -Wall -Wextra -Wshadow -Wpedantic -Wno-unused-parameter -Werror"


def install(folder):
    """Installs the build, and a cc that takes warnings for errors. Returns the environment of recipes."""
    prefix = folder / "prefix"
    subprocess.run(["cmake", "--install", BUILD, "--prefix", prefix], check=True, stdout=subprocess.DEVNULL)
    pc = next(prefix.rglob("pyrite.pc"))
    tools = folder / "tools"
    tools.mkdir()
    (tools / "cc").write_text(f'#!/bin/sh\nexec {shutil.which(os.environ["PYRITE_CC"])} {WARNINGS} "$@"\n')
    (tools / "cc").chmod(0o755)
    env = {k: v for k, v in os.environ.items() if not k.startswith(("PYRITE_", "LD_", "CMAKE_"))}
    env["PATH"] = f"{tools}:{prefix}/bin:{prefix}/sbin:/usr/bin:/bin"
    env["PKG_CONFIG_PATH"] = str(pc.parent)
    env["LD_LIBRARY_PATH"] = str(pc.parent.parent)
    return env


def end_group(process):
    """Ends what is left of a process's group. Returns whether anything was."""
    try:
        os.killpg(process.pid, signal.SIGKILL)
    except ProcessLookupError:
        return False
    return True


def run_script(folder, env, script, output):
    """What is wrong with a recipe when it runs, as a text; "" if nothing is."""
    process = subprocess.Popen(
        ["bash", "-eu", script], cwd=folder, env=env, stdin=subprocess.DEVNULL, start_new_session=True,
        stdout=(folder / "stdout").open("wb"), stderr=(folder / "stderr").open("wb"))  # fmt: skip
    try:
        status = process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        status = f"none after {SECONDS} s"
    left = end_group(process)
    process.wait()
    printed, said = ((folder / name).read_text(errors="replace") for name in ("stdout", "stderr"))
    expected = (folder / output).read_text()
    if status != 0 or printed != expected:
        return f"status {status}; printed:\n{printed}expected:\n{expected}on stderr:\n{said}"
    return "it leaves a process behind" if left else ""


def run_recipe(folder, env, script="run.sh", output="output.txt"):
    """Runs a recipe with a name server of its own."""
    with tempfile.TemporaryDirectory(prefix="pyrite.") as place:
        address = f"./u:{place}/ns"
        server = subprocess.Popen(
            ["pyrite-ns", "--unix-socket", f"{place}/ns", "--storage", "memory"], env=env, stdout=subprocess.PIPE, text=True)
        try:
            if not server.stdout.readline():
                return "pyrite-ns does not start"
            return run_script(folder, env | {"PYRITE_NS_HOST": address}, script, output)
        finally:
            server.terminate()
            server.wait(10)


def complete(folder):
    """What a page lacks, or how its programs are not formatted, as a text."""
    missing = [name for name in ("run.sh", "output.txt") if not (folder / name).exists()]
    text = (PAGES / f"{folder.name}.md").read_text()
    missing += [f"the section '{title}'" for title in ("What to know", "See also") if f"\n## {title}\n" not in text]
    if missing:
        return f"no {', '.join(missing)}"
    style = f"-style=file:{SOURCE}/.clang-format"
    checks = ((["clang-format", "--dry-run", "-Werror", style], "*.[ch]"),
              ([BUILD / "bin/pyrite-idl", "--format", "--check"], "*.idl"))  # fmt: skip
    files = ((command, sorted(folder.glob(pattern))) for command, pattern in checks)
    runs = [subprocess.run([*command, *found], capture_output=True, text=True) for command, found in files if found]
    return "".join(run.stderr or run.stdout or "it is not formatted" for run in runs if run.returncode or run.stderr)


def report(name, wrong):
    print(f"{'not ok' if wrong else 'ok'} {name}")
    if wrong:
        print("    " + wrong.replace("\n", "\n    "))
    return bool(wrong)


def recipes():
    """The pages of recipes, in the order of the index."""
    return re.findall(r"\]\(([a-z-]+)\.md\)", (PAGES / "README.md").read_text())


def not_in_the_index():
    pages = sorted(page.stem for page in PAGES.glob("*.md") if page.stem != "README")
    return "" if pages == sorted(recipes()) else f"pages: {pages}"


def run_recipes(names, folder, env):
    """Runs recipes, two at a time. Returns whether one failed."""
    def run(name):
        return complete(folder / name) or run_recipe(folder / name, env)

    failed = False
    with concurrent.futures.ThreadPoolExecutor(2) as pool:
        for name, wrong in zip(names, pool.map(run, names)):
            failed |= report(f"{name} does what its page says", wrong)
    return failed


def main():
    with tempfile.TemporaryDirectory(prefix="pyrite.") as place:
        folder = pathlib.Path(place)
        pages = folder / "pages"
        env = install(folder)
        names = sys.argv[1:] or recipes()
        if names == ["--grpc"]:
            names = []
        files = [PAGES / f"{name}.md" for name in names] + [SOURCE / "docs/coming-from-grpc.md"]
        subprocess.run([SOURCE / "tests/install/blocks.py", *files, pages], check=True)
        failed = report("every recipe is in the index once", not_in_the_index())
        failed |= run_recipes(names, pages, env)
        kind = "pyrite" if names else "grpc"
        wrong = run_recipe(pages / "coming-from-grpc", env, f"{kind}.sh", f"{kind}.txt")
        failed |= report(f"the programs of {kind} do what coming-from-grpc.md says", wrong)
        if os.environ.get("PYRITE_KEEP"):
            shutil.copytree(pages, os.environ["PYRITE_KEEP"], dirs_exist_ok=True)
        return int(failed)


if __name__ == "__main__":
    sys.exit(main())
