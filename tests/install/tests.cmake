# SPDX-License-Identifier: MIT
pyrite_script_test(install install/install.sh ONCE)
pyrite_script_test(symbols install/symbols.sh ONCE)
# Types are read from debug information.
if(NOT CMAKE_BUILD_TYPE STREQUAL "Release")
	pyrite_script_test(abi install/abi.sh ONCE)
endif()
pyrite_script_test(headers install/headers.sh ONCE)
pyrite_script_test(pages install/pages.sh ONCE)
pyrite_script_test(reference install/reference.sh ONCE)
pyrite_script_test(demo install/demo.sh)
