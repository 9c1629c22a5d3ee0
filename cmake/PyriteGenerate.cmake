# SPDX-License-Identifier: MIT
# pyrite_generate(TARGET target IDL file.idl... [INCLUDES dir...] [HIDDEN]): runs pyrite-idl --c at build time, adds the
# generated sources to the target and their folder to its include path and to that of the targets that link it. HIDDEN: the
# target does not export what is generated, so that other libraries of the program may have other versions of it.
function(pyrite_generate)
	cmake_parse_arguments(arg "HIDDEN" "TARGET" "IDL;INCLUDES" ${ARGN})
	if(NOT arg_TARGET OR NOT arg_IDL)
		message(FATAL_ERROR "pyrite_generate: TARGET and IDL are needed")
	endif()
	get_property(languages GLOBAL PROPERTY ENABLED_LANGUAGES)
	if(NOT C IN_LIST languages)
		message(FATAL_ERROR "pyrite_generate: the generated code is C: add it to project(... LANGUAGES) or enable_language(C)")
	endif()
	set(dir ${CMAKE_CURRENT_BINARY_DIR}/${arg_TARGET}.pyrite)
	file(MAKE_DIRECTORY ${dir})
	set(options)
	if(arg_HIDDEN)
		set(options --hidden)
	endif()
	set(includes)
	foreach(include ${arg_INCLUDES})
		get_filename_component(include ${include} ABSOLUTE)
		list(APPEND includes -I ${include})
	endforeach()
	foreach(idl ${arg_IDL})
		get_filename_component(path ${idl} ABSOLUTE)
		get_filename_component(stem ${idl} NAME_WLE)
		add_custom_command(OUTPUT ${dir}/${stem}.h ${dir}/${stem}.c
			COMMAND pyrite::idl --c ${dir} --depfile ${dir}/${stem}.d ${options} ${includes} ${path}
			DEPENDS ${path} pyrite::idl
			DEPFILE ${dir}/${stem}.d
			COMMENT "Generating ${stem}.h and ${stem}.c"
			VERBATIM)
		target_sources(${arg_TARGET} PRIVATE ${dir}/${stem}.c ${dir}/${stem}.h)
	endforeach()
	# A library's users include what was generated for it; installed, it is the project's matter where that goes.
	target_include_directories(${arg_TARGET} PUBLIC $<BUILD_INTERFACE:${dir}>)
endfunction()
