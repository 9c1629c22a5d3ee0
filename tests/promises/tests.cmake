# SPDX-License-Identifier: MIT
# What releases promise, kept by this version: docs/promises.md.
pyrite_script_test(promises_wire promises/wire.py ONCE)
