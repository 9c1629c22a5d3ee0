# SPDX-License-Identifier: MIT
# The codec: unit tests, compatibility with protoc, fuzzing (clang, -DPYRITE_FUZZ=ON), timing.
pyrite_unit_test(codec pyrite_internal)
