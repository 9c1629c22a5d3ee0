#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sbom.py CONTROL DEB...: prints an SPDX 2.3 document of the packages DEB: what their programs and libraries are linked
with, what else they depend on, and what they were built with, in the versions that are installed here. CONTROL is the
debian/control they were built from. Fails if a library that one of them is linked with is not among its dependencies.
SOURCE_DATE_EPOCH is the time of the document."""
import collections
import datetime
import hashlib
import json
import os
import re
import subprocess
import sys
import tempfile

Installed = collections.namedtuple("Installed", "name version architecture source homepage")


def run(*command):
    return subprocess.run(command, check=True, text=True, stdout=subprocess.PIPE).stdout


def installed(name):
    """The installed package of this name, or None."""
    form = "${db:Status-Status}\t${Package}\t${Version}\t${Architecture}\t${source:Package}\t${Homepage}\n"
    found = subprocess.run(["dpkg-query", "-W", "-f", form, name], text=True, stdout=subprocess.PIPE,
                           stderr=subprocess.DEVNULL).stdout
    for line in found.splitlines():
        status, *rest = line.split("\t")
        if status == "installed":
            return Installed(*rest)
    return None


def names(field):
    """A field such as Depends: a list of alternatives for each dependency."""
    field = re.sub(r"\([^)]*\)|\[[^]]*\]|<[^>]*>|:any", "", field)
    return [[name.strip() for name in one.split("|")] for one in field.split(",") if one.strip()]


class Deb:
    def __init__(self, path):
        self.path = path
        with open(path, "rb") as file:
            self.sha256 = hashlib.sha256(file.read()).hexdigest()
        form = "${Package}\t${Version}\t${Architecture}\t${Depends}\t${Recommends}"
        shown = run("dpkg-deb", "--show", "--showformat=" + form, path)
        self.name, self.version, self.architecture, self.depends, self.recommends = shown.split("\t")
        self.sonames, self.needed = self.elf()

    def elf(self):
        """The names of the libraries in the package, and of those that its ELF files are linked with."""
        sonames, needed = set(), set()
        with tempfile.TemporaryDirectory() as tree:
            run("dpkg-deb", "--extract", self.path, tree)
            for folder, _, files in os.walk(tree):
                for path in (os.path.join(folder, name) for name in files):
                    if os.path.islink(path) or open(path, "rb").read(4) != b"\x7fELF":
                        continue
                    dynamic = run("readelf", "--wide", "--dynamic", path)
                    needed |= set(re.findall(r"\(NEEDED\).*\[(.*)\]", dynamic))
                    sonames |= set(re.findall(r"\(SONAME\).*\[(.*)\]", dynamic))
        return sonames, needed


def providers():
    """Which package each shared library of this machine belongs to, as its loader finds them."""
    paths = {}
    for line in run("/sbin/ldconfig", "-p").splitlines():
        match = re.match(r"\t(\S+) \(.*\) => (\S+)", line)
        if match:
            paths.setdefault(match[1], match[2])
    return paths


def owner(soname, paths):
    path = paths.get(soname)
    if not path:
        sys.exit(f"sbom.py: {soname} is not a library of this machine")
    for one in (path, os.path.realpath(path), re.sub("^/usr", "", path), re.sub("^/usr", "", os.path.realpath(path))):
        found = subprocess.run(["dpkg-query", "-S", one], text=True, stdout=subprocess.PIPE,
                               stderr=subprocess.DEVNULL).stdout
        if found:
            return found.split(":")[0]
    sys.exit(f"sbom.py: {path} belongs to no package")


class Document:
    def __init__(self, debs, control):
        self.debs = debs
        self.own = {deb.name: deb for deb in debs}
        self.packages, self.relationships = {}, []
        self.paths = providers()
        self.source = "SPDXRef-source-pyrite"
        self.upstream = debs[0].version.rsplit("-", 1)[0]
        self.add(self.source, "pyrite", self.upstream, "SOURCE", None, license="MIT")
        for deb in debs:
            purpose = "LIBRARY" if deb.sonames else "APPLICATION"
            self.add(self.id(deb.name), deb.name, deb.version, purpose, deb.architecture, license="MIT", sha256=deb.sha256)
            self.packages[self.id(deb.name)]["packageFileName"] = os.path.basename(deb.path)
            self.relate("SPDXRef-DOCUMENT", "DESCRIBES", self.id(deb.name))
            self.relate(self.id(deb.name), "GENERATED_FROM", self.source)
        for deb in debs:
            self.links(deb)
        for alternatives in names(control) + [["gcc"], ["binutils"], ["libc6-dev"]]:
            for name in alternatives:
                if installed(name):
                    self.relate(self.other(name), "BUILD_DEPENDENCY_OF", self.source)

    @staticmethod
    def id(name):
        return "SPDXRef-" + re.sub("[^A-Za-z0-9.-]", "-", name)

    def relate(self, a, kind, b):
        one = {"spdxElementId": a, "relationshipType": kind, "relatedSpdxElement": b}
        if one not in self.relationships:
            self.relationships.append(one)

    def add(self, ref, name, version, purpose, architecture, license="NOASSERTION", sha256=None, homepage=None):
        kind = f"pkg:deb/debian/{name}@{version}?arch={architecture}" if architecture else f"pkg:generic/{name}@{version}"
        package = {
            "SPDXID": ref, "name": name, "versionInfo": version, "downloadLocation": "NOASSERTION",
            "filesAnalyzed": False, "licenseConcluded": license, "licenseDeclared": license,
            "copyrightText": "NOASSERTION", "primaryPackagePurpose": purpose,
            "externalRefs": [{"referenceCategory": "PACKAGE-MANAGER", "referenceType": "purl",
                              "referenceLocator": kind.replace("+", "%2B").replace("~", "%7E")}],
        }
        if sha256:
            package["checksums"] = [{"algorithm": "SHA256", "checksumValue": sha256}]
        if homepage:
            package["homepage"] = homepage
        self.packages[ref] = package

    def other(self, name):
        """The element of a package that is installed, or of one of these."""
        ref = self.id(name)
        if ref not in self.packages:
            found = installed(name)
            if not found:
                sys.exit(f"sbom.py: {name} is not installed")
            purpose = "LIBRARY" if found.name.startswith("lib") else "APPLICATION"
            self.add(ref, found.name, found.version, purpose, found.architecture, homepage=found.homepage)
            self.packages[ref]["sourceInfo"] = f"built from the Debian source package {found.source}"
        return ref

    def links(self, deb):
        depends = {name for alternatives in names(deb.depends) for name in alternatives}
        linked = set()
        for soname in sorted(deb.needed - deb.sonames):
            within = [other.name for other in self.debs if soname in other.sonames]
            name = within[0] if within else owner(soname, self.paths)
            if name not in depends:
                sys.exit(f"sbom.py: {deb.name} is linked with {soname}, and does not depend on {name}")
            linked.add(name)
            self.relate(self.id(deb.name), "DYNAMIC_LINK", self.other(name))
        for field, kind in ((deb.depends, "RUNTIME_DEPENDENCY_OF"), (deb.recommends, "OPTIONAL_DEPENDENCY_OF")):
            for alternatives in names(field):
                for name in alternatives:
                    if name not in linked and (name in self.own or installed(name)):
                        self.relate(self.other(name), kind, self.id(deb.name))

    def json(self):
        architecture = next(deb.architecture for deb in self.debs if deb.architecture != "all")
        made = datetime.datetime.fromtimestamp(int(os.environ["SOURCE_DATE_EPOCH"]), datetime.timezone.utc)
        body = {"packages": sorted(self.packages.values(), key=lambda one: one["SPDXID"]),
                "relationships": sorted(self.relationships, key=lambda one: tuple(one.values()))}
        digest = hashlib.sha256(json.dumps(body).encode()).hexdigest()
        name = f"pyrite-{self.debs[0].version}-{architecture}"
        return {"spdxVersion": "SPDX-2.3", "dataLicense": "CC0-1.0", "SPDXID": "SPDXRef-DOCUMENT", "name": name,
                "documentNamespace": f"https://pyrite.example/spdx/{name}-{digest}",
                "creationInfo": {"created": made.strftime("%Y-%m-%dT%H:%M:%SZ"),
                                 "creators": [f"Tool: pyrite-sbom-{self.upstream}"]}, **body}


def main():
    if len(sys.argv) < 3:
        sys.exit(__doc__)
    text = open(sys.argv[1], encoding="utf-8").read()
    field = re.search(r"^Build-Depends:((?:.*\n)(?:[ \t].*\n)*)", text, re.M)
    if not field:
        sys.exit(f"sbom.py: {sys.argv[1]} has no Build-Depends")
    document = Document([Deb(path) for path in sorted(sys.argv[2:])], field[1])
    json.dump(document.json(), sys.stdout, indent=2)
    print()


if __name__ == "__main__":
    main()
