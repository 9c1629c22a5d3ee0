# SPDX-License-Identifier: MIT
# Plug-ins that use Pyrite, loaded and unloaded by a program that does not.
foreach(part a b)
	add_library(plugin-${part} MODULE plugins/plugin.c)
	pyrite_generate(TARGET plugin-${part} IDL plugins/${part}/part.idl)
	target_link_libraries(plugin-${part} PRIVATE pyrite)
	pyrite_warnings(plugin-${part})
endforeach()
target_compile_definitions(plugin-b PRIVATE PART_B)
add_executable(plugin-host plugins/host.c)
target_link_libraries(plugin-host PRIVATE ${CMAKE_DL_LIBS})
pyrite_warnings(plugin-host)
add_test(NAME plugins COMMAND plugin-host $<TARGET_FILE:plugin-a> $<TARGET_FILE:plugin-b>)
pyrite_test_properties(plugins)
