# SPDX-License-Identifier: MIT
option(PYRITE_FUZZ "Build the fuzz targets (clang)" OFF)
# The fuzzer of links: README.md. By hand it runs as long as it is told to; as a test it is short.
add_executable(fuzz_link fuzz/fuzz_main.c fuzz/fuzz_link.c fuzz/fuzz_talk.c fuzz/fuzz_servant.c fuzz/fuzz_daemon.c
	fuzz/fuzz_caller.c fuzz/fuzz_caller_key.c fuzz/fuzz_caller_references.c fuzz/fuzz_caller_streams.c fuzz/fuzz_caller_step.c fuzz/fuzz_answers.c
	fuzz/fuzz_proxies.c fuzz/fuzz_callee.c fuzz/fuzz_callee_step.c fuzz/fuzz_callee_references.c fuzz/fuzz_callee_given.c fuzz/fuzz_objects.c fuzz/fuzz_cable.c fuzz/fuzz_cable_ends.c fuzz/fuzz_place.c)
pyrite_generate(TARGET fuzz_link IDL fuzz/talk.idl)
target_link_libraries(fuzz_link PRIVATE pyrite_internal)
target_link_options(fuzz_link PRIVATE -Wl,--wrap=link_connect,--wrap=link_socket_accept,--wrap=connect)
pyrite_warnings(fuzz_link)
# Short runs, always of the same steps, over all lanes.
add_test(NAME fuzz_link_daemon COMMAND fuzz_link --role daemon --seed 1 --steps 8000)
add_test(NAME fuzz_link_proxies COMMAND fuzz_link --role proxies --seed 77 --steps 20000)
pyrite_test_properties(fuzz_link_daemon)
pyrite_test_properties(fuzz_link_proxies)
# Other steps each time: both roles, with threads and without. The seed is printed, and a finding says how to see it again.
add_test(NAME fuzz_link_random COMMAND fuzz_link --steps 10000 --seconds 20)
pyrite_test_properties(fuzz_link_random)

# pyrite-idl fed with IDL at random. A short run here; a long one by hand, in a build with sanitizers:
#   build/asan/bin/idl-random 1000000 1 2000
# and with clang, as for fuzz_codec (tests/codec): bin/fuzz_idl CORPUS tests/corpus tests/bad; bin/fuzz_idl_made CORPUS
function(pyrite_idl_fuzzer name)
	add_executable(${name} ${ARGN})
	target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/codegen)
	target_compile_definitions(${name} PRIVATE INCLUDE_DIR="${PROJECT_SOURCE_DIR}/runtime/include")
	target_link_libraries(${name} PRIVATE pyrite_codegen pyrite_idl_front)
	pyrite_warnings(${name})
endfunction()

pyrite_idl_fuzzer(idl-random fuzz/idl_random.c fuzz/idl_make.c fuzz/format_mix.c)
add_test(NAME idl_random COMMAND idl-random 3000 1 40)
pyrite_test_properties(idl_random)

# libFuzzer's targets (PYRITE_FUZZ, with clang: scripts/fuzz builds them). Without it, programs that feed them the corpora of
# tests/fuzz/corpora, so that each input there is a regression test with any compiler. A group is what is linked together.
function(pyrite_fuzz_group group)
	cmake_parse_arguments(ARG "" "" "LIBRARIES;INCLUDES;OPTIONS;HELPERS;TARGETS" ${ARGN})
	set(made "")
	set(objects "")
	set(listed "")
	foreach(target ${ARG_TARGETS}) # NAME, or NAME=SOURCE
		string(REGEX REPLACE "=.*" "" name ${target})
		string(REGEX REPLACE ".*=" "" source ${target})
		if(PYRITE_FUZZ)
			add_executable(fuzz_${name} fuzz/fuzz_${source}.c ${ARG_HELPERS})
			target_compile_options(fuzz_${name} PRIVATE -fsanitize=fuzzer)
			target_link_options(fuzz_${name} PRIVATE -fsanitize=fuzzer ${ARG_OPTIONS})
			target_compile_definitions(fuzz_${name} PRIVATE FUZZ_NAME="${name}")
			list(APPEND made fuzz_${name})
		else()
			add_library(fuzz_input_${name} OBJECT fuzz/fuzz_${source}.c)
			target_compile_definitions(fuzz_input_${name} PRIVATE FUZZ_NAME="${name}"
				LLVMFuzzerTestOneInput=fuzz_input_${name})
			list(APPEND made fuzz_input_${name})
			list(APPEND objects $<TARGET_OBJECTS:fuzz_input_${name}>)
			string(APPEND listed " X(${name})")
		endif()
	endforeach()
	if(NOT PYRITE_FUZZ)
		file(GENERATE OUTPUT ${CMAKE_CURRENT_BINARY_DIR}/replay_${group}.h
			CONTENT "#define REPLAY_TARGETS${listed}\n")
		add_executable(fuzz-replay-${group} fuzz/replay.c ${ARG_HELPERS} ${objects})
		target_compile_definitions(fuzz-replay-${group} PRIVATE
			REPLAY_TARGETS_FILE="${CMAKE_CURRENT_BINARY_DIR}/replay_${group}.h")
		target_link_options(fuzz-replay-${group} PRIVATE ${ARG_OPTIONS})
		list(APPEND made fuzz-replay-${group})
		add_test(NAME fuzz_corpora_${group} COMMAND fuzz-replay-${group} ${CMAKE_CURRENT_SOURCE_DIR}/fuzz/corpora)
		pyrite_test_properties(fuzz_corpora_${group})
	endif()
	foreach(target ${made})
		target_include_directories(${target} PRIVATE ${ARG_INCLUDES})
		target_link_libraries(${target} PRIVATE ${ARG_LIBRARIES})
		pyrite_warnings(${target})
	endforeach()
	set_property(GLOBAL APPEND PROPERTY PYRITE_FUZZ_TARGETS ${ARG_TARGETS})
endfunction()

if(PYRITE_FUZZ)
	foreach(library pyrite_idl_front pyrite_codegen pyrite_objects pyrite_registry)
		target_compile_options(${library} PRIVATE -fsanitize=fuzzer-no-link)
	endforeach()
endif()

set(serializers serpent=serializers json=serializers marshal=serializers msgpack=serializers)
pyrite_fuzz_group(runtime
	LIBRARIES pyrite_internal PkgConfig::PROTOBUF_C OpenSSL::SSL OpenSSL::Crypto Threads::Threads
	INCLUDES ${PROJECT_SOURCE_DIR}/runtime/src
	HELPERS interop/copy_value.c codec/shapes.c fuzz/fuzz_values.c
	TARGETS codec uri frame settings plain rules door tls records key ns_file pyro_message ${serializers})
pyrite_fuzz_group(network
	LIBRARIES pyrite_internal Threads::Threads
	INCLUDES ${PROJECT_SOURCE_DIR}/runtime/src
	OPTIONS -Wl,--wrap=res_nquery,--wrap=poll,--wrap=sendto,--wrap=recvfrom
	TARGETS discovery)
# Over real sockets: a whole daemon, and proxies.
add_library(fuzz_talker STATIC fuzz/fuzz_talker.c)
pyrite_generate(TARGET fuzz_talker IDL fuzz/talk.idl)
target_link_libraries(fuzz_talker PUBLIC pyrite_internal)
pyrite_warnings(fuzz_talker)
pyrite_fuzz_group(sockets
	LIBRARIES fuzz_talker pyrite_internal OpenSSL::SSL OpenSSL::Crypto Threads::Threads
	INCLUDES ${PROJECT_SOURCE_DIR}/runtime/src
	TARGETS lanes servers)
pyrite_fuzz_group(names
	LIBRARIES pyrite_registry pyrite Threads::Threads
	INCLUDES ${CMAKE_CURRENT_SOURCE_DIR}
	HELPERS unit/fake_etcd.c
	TARGETS names etcd=names etcd_record)
pyrite_fuzz_group(idl
	LIBRARIES pyrite_codegen pyrite_idl_front
	INCLUDES ${PROJECT_SOURCE_DIR}/codegen
	HELPERS fuzz/idl_make.c
	TARGETS idl idl_made breaking)

# Those targets, in a build of their own, once for all presets: some of them each time, and all, a minute each, with
# scripts/test --long.
if(NOT PYRITE_SANITIZE AND NOT CMAKE_C_FLAGS MATCHES coverage)
	pyrite_script_test(fuzz_script fuzz/script.sh)
	pyrite_script_test(fuzz_rotation fuzz/rotation.sh)
	set_tests_properties(fuzz_rotation PROPERTIES TIMEOUT 900 RUN_SERIAL ON)
	pyrite_script_test(fuzz_targets fuzz/targets.sh)
	set_tests_properties(fuzz_targets PROPERTIES TIMEOUT 2700 COST 1000 LABELS long)
endif()
