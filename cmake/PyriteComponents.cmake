# SPDX-License-Identifier: MIT
# Every file that is installed belongs to one component, from which packaging/debian makes one package:
#   runtime (libpyrite0), devel (libpyrite-dev), tools (pyrite-tools), nameserver (pyrite-nameserver), doc (pyrite-doc).
# tests/packages checks that no install() is without one.
set(PYRITE_UNIT_DIR lib/systemd/system CACHE STRING "directory of the systemd units, absolute or below the prefix")
set(PYRITE_ZSH_DIR ${CMAKE_INSTALL_DATADIR}/zsh/site-functions CACHE STRING "directory of the completion for zsh")

# pyrite_component(out program): the component of a program and of what describes it.
function(pyrite_component out program)
	if(program STREQUAL "pyrite-ns")
		set(${out} nameserver PARENT_SCOPE)
	else()
		set(${out} tools PARENT_SCOPE)
	endif()
endfunction()
