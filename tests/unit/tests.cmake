# SPDX-License-Identifier: MIT
pyrite_unit_test(door pyrite_internal)
pyrite_unit_test(door_unix pyrite_internal)
pyrite_unit_test(door_flood pyrite_internal)
