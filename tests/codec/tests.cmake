# SPDX-License-Identifier: MIT
# The codec: unit tests, compatibility with protoc, timing (bin/bench_codec), and fuzzing, which needs clang:
#   cmake -DCMAKE_C_COMPILER=clang -DPYRITE_FUZZ=ON -DPYRITE_SANITIZE=address,undefined ...; bin/fuzz_codec CORPUS tests/fuzz/codec
option(PYRITE_FUZZ "Build the fuzz targets (clang)" OFF)

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

if(PYRITE_FUZZ)
	# The codec's own sources again, and the module below it: what is to be fuzzed must be built for it.
	file(GLOB codec_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/src/wire/codec*.c
		${PROJECT_SOURCE_DIR}/runtime/src/wire/shape*.c ${PROJECT_SOURCE_DIR}/runtime/src/value/*.c
		${PROJECT_SOURCE_DIR}/runtime/src/base/*.c)
	add_executable(fuzz_codec fuzz/fuzz_codec.c fuzz/fuzz_values.c codec/shapes.c ${codec_sources})
	target_include_directories(fuzz_codec PRIVATE ${PROJECT_SOURCE_DIR}/runtime/include ${PROJECT_SOURCE_DIR}/runtime/src)
	target_compile_options(fuzz_codec PRIVATE -fsanitize=fuzzer)
	target_link_options(fuzz_codec PRIVATE -fsanitize=fuzzer)
	target_link_libraries(fuzz_codec PRIVATE PkgConfig::PROTOBUF_C OpenSSL::Crypto Threads::Threads)
	pyrite_warnings(fuzz_codec)
endif()
