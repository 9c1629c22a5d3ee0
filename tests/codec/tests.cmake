# SPDX-License-Identifier: MIT
# The codec: unit tests, compatibility with protoc, timing (bin/bench_codec). Fuzzing: tests/fuzz.

pyrite_unit_test(codec pyrite_internal)
pyrite_unit_test(codec_flat pyrite_internal)
foreach(name codec_values codec_refusals codec_memory codec_bounds)
	pyrite_unit_test(${name} pyrite_internal)
	target_sources(test_${name} PRIVATE codec/shapes.c)
endforeach()
target_link_options(test_codec_memory PRIVATE -Wl,--wrap=malloc,--wrap=calloc)

add_executable(codec-wire codec/wire.c codec/shapes.c)
target_link_libraries(codec-wire PRIVATE pyrite_internal)
pyrite_warnings(codec-wire)
add_executable(codec-generated codec/generated.c)
pyrite_generate(TARGET codec-generated IDL codec/generated.idl)
target_link_libraries(codec-generated PRIVATE pyrite_internal)
pyrite_warnings(codec-generated)
pyrite_script_test(codec_protoc codec/protoc.sh)

add_executable(bench_codec bench/bench_codec.c)
target_link_libraries(bench_codec PRIVATE pyrite_internal)
pyrite_warnings(bench_codec)
pyrite_measures(bench_codec)
