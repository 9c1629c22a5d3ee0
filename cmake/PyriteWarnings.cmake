# SPDX-License-Identifier: MIT
# pyrite_warnings(TARGET...): the project's own warnings and, where asked for, sanitizers.
function(pyrite_warnings)
	foreach(target ${ARGN})
		target_compile_options(${target} PRIVATE -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpedantic
			$<$<BOOL:${PYRITE_WERROR}>:-Werror>)
		if(PYRITE_SANITIZE)
			target_compile_options(${target} PRIVATE -fsanitize=${PYRITE_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all)
			target_link_options(${target} PRIVATE -fsanitize=${PYRITE_SANITIZE})
		endif()
	endforeach()
endfunction()
