#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""pyrite keys, ended or failed at each of its steps, or in other years, and what a TLS end makes of its files:
keys_crashes.py CRASH.SO.
Prints "ok <case>" or "not ok <case>"."""

import itertools
import json
import os
import pathlib
import shutil
import ssl
import subprocess
import sys
import tempfile
import traceback

CRASH = sys.argv[1]
PYRITE = os.environ["PYRITE_BIN"] + "/pyrite"
START = None  # a folder with a CA, a server and a client
n_steps = {}  # command -> its number of steps
FOLDER_FILES = {"ca.pem", "cert.pem", "key.pem", "crl.pem"}


def keys(dir, *words, at=None, error=False, days=0, seek=None):
    """Runs pyrite keys, which fails at a step, days later, or if a file's text is left in memory. Returns its exit code."""
    env = {"LD_PRELOAD": CRASH, "CRASH_DAYS": str(days)}
    if at:
        env["CRASH_AT"] = str(at)
    if error:
        env["CRASH_ERROR"] = "1"
    if seek:
        env["CRASH_SEEK"] = seek
    done = subprocess.run([PYRITE, "keys", "--quiet", "--dir", dir, *words], env=env, capture_output=True, text=True)
    assert done.stdout == "" and (done.returncode != 2 or done.stderr), done
    return done.returncode


def context(folder, server):
    """What is in a folder, as a TLS end reads it. Raises SSLError if key and certificate do not match."""
    ends = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER if server else ssl.PROTOCOL_TLS_CLIENT)
    ends.load_verify_locations(folder / "ca.pem")
    ends.load_verify_locations(folder / "crl.pem")
    ends.verify_flags |= ssl.VERIFY_CRL_CHECK_LEAF | ssl.VERIFY_X509_STRICT
    ends.verify_mode = ssl.CERT_REQUIRED
    ends.load_cert_chain(folder / "cert.pem", folder / "key.pem")
    return ends


def shake(server, client, host="localhost"):
    """A handshake in memory between the programs of two folders. Returns the server's peer; raises SSLError."""
    to_server, to_client = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = [context(client, False).wrap_bio(to_client, to_server, server_hostname=host),
            context(server, True).wrap_bio(to_server, to_client, server_side=True)]
    waiting = ends
    while waiting:
        still = []
        for end in waiting:
            try:
                end.do_handshake()
            except ssl.SSLWantReadError:
                still.append(end)
        waiting = still
    return ends[1].getpeercert()


def refused(server, client):
    try:
        shake(server, client)
    except ssl.SSLError as e:
        assert "revoked" in str(e), e
        return True
    return False


def files(dir):
    return {p.name for p in dir.iterdir() if not p.name.startswith(".")}


def matches(folder):
    """Whether key and certificate belong together; the rest of the folder must be whole whatever happened."""
    assert files(folder) == FOLDER_FILES, files(folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "key.pem").stat().st_mode & 0o777 == 0o600
    try:
        context(folder, True)
    except ssl.SSLError as e:
        assert "KEY_VALUES_MISMATCH" in str(e), e
        return False
    return True


def has_ca(dir):
    """Whether there is a CA, which is whole then."""
    if not dir.exists() or "ca" not in files(dir):
        return False
    assert files(dir / "ca") == {"ca.pem", "ca-key.pem", "crl.pem", "index"}
    return True


def serial(folder):
    """Of the certificate in it, as the index has it."""
    return shake(START / "server", folder)["serialNumber"].lower()


def index(dir):
    rows = [line.split("\t") for line in (dir / "ca/index").read_text().splitlines()[1:]]
    assert all(row[0][0] in "4567" for row in rows), "other tools would print another serial number"
    return {row[0]: row[4] for row in rows}


def listed(dir, days=0):
    """The CA and the server in the list, days later."""
    env = {"LD_PRELOAD": CRASH, "CRASH_DAYS": str(days)}
    done = subprocess.run([PYRITE, "keys", "list", "--json", "--dir", dir], env=env, capture_output=True, check=True)
    found = json.loads(done.stdout)
    return found["ca"], {entry["name"]: entry for entry in found["names"]}["server"]


def days_left(dir, days):
    return [(entry["days_left"], entry["state"]) for entry in listed(dir, days)]


def copies(numbers, start):
    """A folder for each number: a copy of start, which may be None."""
    for number in numbers:
        with tempfile.TemporaryDirectory(dir=START.parent) as place:
            dir = pathlib.Path(place) / "keys"
            if start:
                shutil.copytree(start, dir)
            yield dir, number


def ends(*words, start):
    """Runs the command again and again and ends it one step later each time. Yields folder and step."""
    for dir, at in copies(itertools.count(1), start):
        if keys(dir, *words, at=at) == 0:
            assert at > 5, "it takes hardly a step"
            n_steps[words] = at
            return
        yield dir, at


def failures(*words, start):
    """The same with errors, after ends(). Yields folder and exit code."""
    for dir, at in copies(range(1, n_steps[words]), start):
        yield dir, keys(dir, *words, at=at, error=True)


# ---- cases ----

def programs_of_two_folders_trust_each_other(dir):
    peer = shake(dir / "server", dir / "client")
    assert ((("commonName", "client"),),) == peer["subject"], peer


def init_is_done_or_not_begun(_):
    for dir, _ in ends("init", start=None):
        expected = 2 if has_ca(dir) else 0
        assert keys(dir, "init") == expected and has_ca(dir)
    for dir, code in failures("init", start=None):
        assert code == 2 and set(os.listdir(dir)) <= {".lock", "ca"}
        has_ca(dir)


def a_folder_is_there_with_all_its_files_or_not_at_all(start):
    for dir, _ in ends("add", "new", start=start):
        expected = 2 if "new" in files(dir) else 0
        assert keys(dir, "add", "new") == expected
        assert matches(dir / "new") and serial(dir / "new") in index(dir)
        assert not refused(dir / "server", dir / "new")
    for dir, code in failures("add", "new", start=start):
        assert code == 2 and set(os.listdir(dir)) <= {".lock", "ca", "server", "client", "new"}
        assert "new" not in files(dir) or matches(dir / "new")


def a_renewal_that_was_cut_off_is_made_again(start):
    before, n_mismatches, n_late = serial(start / "server"), 0, 0
    for dir, _ in ends("renew", "server", start=start):
        if matches(dir / "server"):
            now = serial(dir / "server")
            assert now in index(dir)
            if now == before and len(index(dir)) > len(index(start)):
                n_late += 1
                assert listed(dir)[1]["serial"] == before, "the list shows what is in the folder"
        else:
            n_mismatches += 1
        assert keys(dir, "renew", "server") == 0
        assert matches(dir / "server") and serial(dir / "server") != before
        assert files(dir / "server") == FOLDER_FILES == set(os.listdir(dir / "server"))
    assert n_mismatches == 1, "key and certificate are renamed one right after the other"
    assert n_late > 0, "what was issued is in the index first"


def a_renewal_that_fails_leaves_a_pair(start):
    for dir, code in failures("renew", "server", start=start):
        assert matches(dir / "server") and code in (0, 2)
        assert set(os.listdir(dir / "server")) == FOLDER_FILES, "nothing is left of the other pair"


def who_is_revoked_is_refused_whoever_makes_the_list(start):
    for dir, at in ends("revoke", "client", start=start):
        is_revoked = index(dir)[serial(start / "client")] != "-"
        assert keys(dir, *(("add", "new") if at % 2 else ("revoke", "client"))) == 0
        if is_revoked or not at % 2:
            assert refused(dir / "server", dir / "client"), at
            assert (dir / "ca/crl.pem").read_bytes() == (dir / "server/crl.pem").read_bytes()


def a_revocation_that_fails_is_told(start):
    for dir, code in failures("revoke", "client", start=start):
        assert code == 2 and matches(dir / "server") and matches(dir / "client")


def time_passes(start):
    for dir, _ in copies([0], start):
        assert days_left(dir, 351) == [(3299, "valid"), (14, "valid")]
        assert days_left(dir, 352) == [(3298, "valid"), (13, "ending")]
        assert days_left(dir, 366) == [(3284, "valid"), (-2, "expired")]
        assert keys(dir, "renew", "server", days=3500) == 0
        assert days_left(dir, 3500) == [(150, "valid"), (150, "valid")], "it ends with the CA"
        assert days_left(dir, 3640) == [(10, "ending"), (10, "ending")]
        for words in (["renew", "server"], ["add", "new"]):
            assert keys(dir, *words, days=3651) == 2, "the CA has expired"
        assert keys(dir, "revoke", "client", days=3651) == 0


def keys_are_wiped(start):
    for dir, _ in copies([0], start):
        assert keys(dir, "renew", "server", seek=dir / "ca/ca-key.pem") == 0
        assert keys(dir, "renew", "server", seek=dir / "server/key.pem") == 0


def main(place):
    global START
    START = start = pathlib.Path(place) / "start"
    for words in (["init"], ["server", "server"], ["client", "client"]):
        assert keys(start, *words) == 0
    failed = 0
    for case in (programs_of_two_folders_trust_each_other, init_is_done_or_not_begun,
                 a_folder_is_there_with_all_its_files_or_not_at_all, a_renewal_that_was_cut_off_is_made_again,
                 a_renewal_that_fails_leaves_a_pair, who_is_revoked_is_refused_whoever_makes_the_list,
                 a_revocation_that_fails_is_told, time_passes,
                 keys_are_wiped):
        try:
            case(start)
            print(f"ok {case.__name__}")
        except Exception:
            failed += 1
            print(f"not ok {case.__name__}\n{traceback.format_exc()}")
    return 1 if failed else 0


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as temporary:
        sys.exit(main(temporary))
