# SPDX-License-Identifier: MIT
# The codec: unit tests, compatibility with protoc, fuzzing (clang, -DPYRITE_FUZZ=ON), timing.
pyrite_unit_test(codec pyrite_internal)
foreach(name codec_values codec_refusals)
	pyrite_unit_test(${name} pyrite_internal)
	target_sources(test_${name} PRIVATE codec/shapes.c)
endforeach()
