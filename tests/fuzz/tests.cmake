# SPDX-License-Identifier: MIT
# The fuzzer of links: README.md. By hand it runs as long as it is told to; as a test it is short.
add_executable(fuzz_link fuzz/fuzz_main.c fuzz/fuzz_link.c fuzz/fuzz_talk.c fuzz/fuzz_servant.c fuzz/fuzz_daemon.c
	fuzz/fuzz_caller.c fuzz/fuzz_caller_key.c fuzz/fuzz_caller_references.c fuzz/fuzz_caller_streams.c fuzz/fuzz_caller_step.c fuzz/fuzz_answers.c
	fuzz/fuzz_proxies.c fuzz/fuzz_callee.c fuzz/fuzz_callee_step.c fuzz/fuzz_callee_references.c fuzz/fuzz_callee_given.c fuzz/fuzz_objects.c fuzz/fuzz_cable.c fuzz/fuzz_cable_ends.c)
pyrite_generate(TARGET fuzz_link IDL fuzz/talk.idl)
target_link_libraries(fuzz_link PRIVATE pyrite_internal)
target_link_options(fuzz_link PRIVATE -Wl,--wrap=link_connect,--wrap=link_socket_accept)
pyrite_warnings(fuzz_link)
# Short runs, always of the same steps, over both lanes.
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

if(PYRITE_FUZZ)
	target_compile_options(pyrite_idl_front PRIVATE -fsanitize=fuzzer-no-link)
	target_compile_options(pyrite_codegen PRIVATE -fsanitize=fuzzer-no-link)
	pyrite_idl_fuzzer(fuzz_idl fuzz/fuzz_idl.c)
	pyrite_idl_fuzzer(fuzz_idl_made fuzz/fuzz_idl_made.c fuzz/idl_make.c)
	foreach(target fuzz_idl fuzz_idl_made)
		target_compile_options(${target} PRIVATE -fsanitize=fuzzer)
		target_link_options(${target} PRIVATE -fsanitize=fuzzer)
	endforeach()
	# What closes doors: the modules' own sources again, and those below them.
	file(GLOB base_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/src/base/*.c)
	function(pyrite_module_fuzzer name)
		add_executable(${name} fuzz/${name}.c ${ARGN} ${base_sources})
		target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR}/runtime/include
			${PROJECT_SOURCE_DIR}/runtime/src)
		target_compile_options(${name} PRIVATE -fsanitize=fuzzer)
		target_link_options(${name} PRIVATE -fsanitize=fuzzer)
		target_link_libraries(${name} PRIVATE OpenSSL::SSL OpenSSL::Crypto Threads::Threads)
		pyrite_warnings(${name})
	endfunction()
	foreach(module rules tls key)
		file(GLOB ${module}_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/src/${module}/*.c)
	endforeach()
	set(door ${PROJECT_SOURCE_DIR}/runtime/src/door)
	pyrite_module_fuzzer(fuzz_rules ${rules_sources})
	pyrite_module_fuzzer(fuzz_tls ${tls_sources})
	pyrite_module_fuzzer(fuzz_key ${key_sources})
	pyrite_module_fuzzer(fuzz_records ${tls_sources})
	pyrite_module_fuzzer(fuzz_door ${door}/door_protocol.c ${door}/door_sources.c)
	# Pyro's serializers, with all that reads values out of them.
	file(GLOB ser_sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/runtime/src/face/pyro/ser_*.c
		${PROJECT_SOURCE_DIR}/runtime/src/value/*.c ${PROJECT_SOURCE_DIR}/runtime/src/wire/codec*.c
		${PROJECT_SOURCE_DIR}/runtime/src/wire/shape*.c)
	foreach(serializer serpent json marshal msgpack)
		add_executable(fuzz_${serializer} fuzz/fuzz_serializers.c interop/copy_value.c codec/shapes.c ${ser_sources}
			${base_sources})
		target_compile_definitions(fuzz_${serializer} PRIVATE SERIALIZER="${serializer}")
		target_include_directories(fuzz_${serializer} PRIVATE ${PROJECT_SOURCE_DIR}/runtime/include
			${PROJECT_SOURCE_DIR}/runtime/src)
		target_compile_options(fuzz_${serializer} PRIVATE -fsanitize=fuzzer)
		target_link_options(fuzz_${serializer} PRIVATE -fsanitize=fuzzer)
		target_link_libraries(fuzz_${serializer} PRIVATE PkgConfig::PROTOBUF_C OpenSSL::Crypto Threads::Threads)
		pyrite_warnings(fuzz_${serializer})
	endforeach()
endif()

# Those targets, built and run a minute each: in a build of their own, once for all presets, with scripts/test --long.
if(NOT PYRITE_SANITIZE)
	pyrite_script_test(fuzz_targets fuzz/targets.sh)
	set_tests_properties(fuzz_targets PROPERTIES TIMEOUT 1800 COST 1000 LABELS long)
endif()
