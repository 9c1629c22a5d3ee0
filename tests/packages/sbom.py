#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""sbom.py DOCUMENT DEB...: fails and says why unless DOCUMENT is an SPDX 2.3 document of the packages DEB that names
packages as they are installed here. What the standard requires of each element is in its chapters 6, 7 and 11."""
import hashlib
import json
import re
import subprocess
import sys

DOCUMENT = {"spdxVersion": "SPDX-2[.]3", "dataLicense": "CC0-1[.]0", "SPDXID": "SPDXRef-DOCUMENT", "name": ".+",
            "documentNamespace": "https://[^#]+"}
PACKAGE = {"SPDXID": "SPDXRef-[A-Za-z0-9.-]+", "name": ".+", "versionInfo": ".+", "downloadLocation": "NOASSERTION",
           "licenseConcluded": ".+", "licenseDeclared": ".+", "copyrightText": ".+",
           "primaryPackagePurpose": "LIBRARY|APPLICATION|SOURCE"}
KINDS = {"DESCRIBES", "GENERATED_FROM", "DYNAMIC_LINK", "RUNTIME_DEPENDENCY_OF", "OPTIONAL_DEPENDENCY_OF",
         "BUILD_DEPENDENCY_OF"}


def need(condition, text):
    if not condition:
        sys.exit(f"{sys.argv[1]}: {text}")


def fits(element, members, what):
    for name, pattern in members.items():
        value = element.get(name)
        need(isinstance(value, str) and re.fullmatch(pattern, value), f"{what}: {name} is {value!r}")


def run(*command):
    return subprocess.run(command, text=True, stdout=subprocess.PIPE, check=False).stdout


def shown(path):
    return run("dpkg-deb", "--show", "--showformat=${Package} ${Version}", path).split()


def is_real(package, debs):
    """The package is one of DEB, with its checksum, or one that is installed in this version, or the source."""
    name, version = package["name"], package["versionInfo"]
    purl = package["externalRefs"][0]["referenceLocator"].replace("%2B", "+").replace("%7E", "~")
    need(re.match(r"pkg:(deb/debian|generic)/" + re.escape(f"{name}@{version}"), purl), f"{name} {version} is called {purl}")
    if name in debs:
        path, deb_version = debs[name]
        sums = {one["algorithm"]: one["checksumValue"] for one in package.get("checksums", [])}
        digest = hashlib.sha256(open(path, "rb").read()).hexdigest()
        need(version == deb_version, f"{name} is {version}, and the package {deb_version}")
        need(sums.get("SHA256") == digest, f"{name}: the checksum is not that of {path}")
    elif package["primaryPackagePurpose"] != "SOURCE":
        have = run("dpkg-query", "-W", "-f", "${Version}\n", name).split()
        need(version in have, f"{name} {version} is not installed, but {have}")


def main():
    document = json.load(open(sys.argv[1], encoding="utf-8"))
    debs = {name: (path, version) for path in sys.argv[2:] for name, version in [shown(path)]}
    need(debs, "no packages to compare it with")
    fits(document, DOCUMENT, "document")
    fits(document["creationInfo"], {"created": r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"}, "creationInfo")
    need(all(re.match("(Tool|Person|Organization): .", one) for one in document["creationInfo"]["creators"]), "no creator")
    ids = ["SPDXRef-DOCUMENT"] + [package["SPDXID"] for package in document["packages"]]
    need(len(ids) == len(set(ids)), "two elements have the same SPDXID")
    for package in document["packages"]:
        fits(package, PACKAGE, package.get("name"))
        need(package.get("filesAnalyzed") is False, f"{package['name']}: filesAnalyzed")
        is_real(package, debs)
    ends = {}
    for one in document["relationships"]:
        kind = one["relationshipType"]
        need(kind in KINDS, f"relationship {kind}")
        for end in (one["spdxElementId"], one["relatedSpdxElement"]):
            need(end in ids, f"{kind} of {end}, which the document does not have")
        ends.setdefault(kind, set()).add(one["relatedSpdxElement"])
    named = {package["SPDXID"]: package["name"] for package in document["packages"]}
    need({named[ref] for ref in ends.get("DESCRIBES", ())} == set(debs), "it does not describe the packages")
    need({"libc6", "libssl3", "libprotobuf-c1", "zlib1g"} <= {named[ref] for ref in ends.get("DYNAMIC_LINK", ())},
         "it does not say what the library is linked with")
    print(len(document["packages"]), "packages,", len(document["relationships"]), "relationships")


if __name__ == "__main__":
    main()
