# SPDX-License-Identifier: MIT
# The model of sizes that do not fit on one machine (docs/scale.md), what measures the costs that it reads, and a test that
# compares it with what happens at a size that fits.
set(scale_imported ${CMAKE_CURRENT_BINARY_DIR}/scale_imported)
file(MAKE_DIRECTORY ${scale_imported})
add_custom_command(OUTPUT ${scale_imported}/etcd.idl
	COMMAND pyrite-idl --idl ${scale_imported} ${CMAKE_CURRENT_SOURCE_DIR}/scale/etcd.proto
	DEPENDS pyrite-idl scale/etcd.proto
	VERBATIM)
add_executable(bench-etcd scale/etcd_costs.c)
pyrite_generate(TARGET bench-etcd IDL ${scale_imported}/etcd.idl)
target_link_libraries(bench-etcd PRIVATE pyrite bench_measure)
pyrite_warnings(bench-etcd)
pyrite_measures(bench-etcd)
if(NOT PYRITE_SANITIZE) # whose programs take something else
	pyrite_script_test(scale_model scale/model_test.py)
	pyrite_script_test(scale scale/validate.py)
	set_property(TEST scale PROPERTY RUN_SERIAL TRUE)
endif()
