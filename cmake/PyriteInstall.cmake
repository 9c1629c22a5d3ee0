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
	if(tool STREQUAL pyrite-idl)
		set_target_properties(${tool} PROPERTIES EXPORT_NAME idl)
		install(TARGETS ${tool} EXPORT pyriteTargets RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	else()
		install(TARGETS ${tool} RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR})
	endif()
endforeach()

configure_package_config_file(${PROJECT_SOURCE_DIR}/cmake/pyriteConfig.cmake.in
	${PROJECT_BINARY_DIR}/cmake/pyriteConfig.cmake INSTALL_DESTINATION ${config_dir})
# Before 1.0 a new minor version may change the ABI.
write_basic_package_version_file(${PROJECT_BINARY_DIR}/cmake/pyriteConfigVersion.cmake COMPATIBILITY SameMinorVersion)
install(EXPORT pyriteTargets NAMESPACE pyrite:: DESTINATION ${config_dir})
install(FILES ${PROJECT_BINARY_DIR}/cmake/pyriteConfig.cmake ${PROJECT_BINARY_DIR}/cmake/pyriteConfigVersion.cmake
	${PROJECT_SOURCE_DIR}/cmake/PyriteGenerate.cmake DESTINATION ${config_dir})

file(RELATIVE_PATH pc_to_prefix ${CMAKE_INSTALL_PREFIX}/${pkgconfig_dir} ${CMAKE_INSTALL_PREFIX})
string(REGEX REPLACE "/$" "" pc_to_prefix ${pc_to_prefix})
configure_file(${PROJECT_SOURCE_DIR}/cmake/pyrite.pc.in ${PROJECT_BINARY_DIR}/cmake/pyrite.pc @ONLY)
install(FILES ${PROJECT_BINARY_DIR}/cmake/pyrite.pc DESTINATION ${pkgconfig_dir})
