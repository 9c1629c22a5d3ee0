# SPDX-License-Identifier: MIT
# What cmake --install puts where: headers and the library are installed by runtime/, all else here. The tree may be
# moved afterwards: every path in it is relative to the file that holds it.
include(CMakePackageConfigHelpers)
set(config_dir ${CMAKE_INSTALL_LIBDIR}/cmake/pyrite)
set(pkgconfig_dir ${CMAKE_INSTALL_LIBDIR}/pkgconfig)

foreach(tool pyrite-idl pyrite-ns pyrite-nsc pyrite-echoserver pyrite-tool)
	if(NOT TARGET ${tool})
		continue()
	endif()
	set(export)
	if(tool STREQUAL pyrite-idl)
		set_target_properties(${tool} PROPERTIES EXPORT_NAME idl)
		set(export EXPORT pyriteTargets)
	endif()
	pyrite_component(component ${tool})
	install(TARGETS ${tool} ${export} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT ${component})
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/pyriteConfig.cmake.in
	${PROJECT_BINARY_DIR}/cmake/pyriteConfig.cmake INSTALL_DESTINATION ${config_dir})
# Before 1.0 a new minor version may change the ABI.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/pyriteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT pyriteTargets NAMESPACE pyrite:: DESTINATION ${config_dir} COMPONENT devel)
install(FILES ${PROJECT_BINARY_DIR}/cmake/pyriteConfig.cmake ${PROJECT_BINARY_DIR}/cmake/pyriteConfigVersion.cmake
	${PROJECT_SOURCE_DIR}/cmake/PyriteGenerate.cmake DESTINATION ${config_dir} COMPONENT devel)

file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_PREFIX}/${pkgconfig_dir} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
set(pc_prefix "\${pcfiledir}/${pc_to_prefix}")
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr") # stays where it is; pkg-config leaves out what compilers search by themselves
	set(pc_prefix /usr)
endif()
configure_file(${PROJECT_SOURCE_DIR}/cmake/pyrite.pc.in ${PROJECT_BINARY_DIR}/cmake/pyrite.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/pyrite.pc DESTINATION ${pkgconfig_dir} COMPONENT devel)

if(PROJECT_IS_TOP_LEVEL)
	add_custom_target(uninstall COMMAND ${CMAKE_COMMAND} -DMANIFEST=${PROJECT_BINARY_DIR}/install_manifest.txt
		-P ${PROJECT_SOURCE_DIR}/cmake/uninstall.cmake VERBATIM)
endif()

# The pages refer to each other and to the samples as they do in the source tree.
install(FILES README.md CHANGELOG.md SECURITY.md DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
install(DIRECTORY docs DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc
	FILES_MATCHING PATTERN "*.md" PATTERN "*.svg" PATTERN "*.png" PATTERN drawings EXCLUDE PATTERN site EXCLUDE)
install(DIRECTORY editors DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc)
install(DIRECTORY samples DESTINATION ${CMAKE_INSTALL_DOCDIR} COMPONENT doc PATTERN build EXCLUDE)
