# SPDX-License-Identifier: MIT
# HTTP at a daemon's port, with real clients.
if("http" IN_LIST PYRITE_FACES)
	add_executable(http-server http/server.c)
	pyrite_generate(TARGET http-server IDL http/shop.idl)
	target_link_libraries(http-server PRIVATE pyrite::pyrite)
	pyrite_warnings(http-server)
	foreach(what calls refused openapi metrics)
		pyrite_script_test(http_${what} http/${what}.py)
	endforeach()
	# In a browser, which scripts/deps --long installs.
	pyrite_script_test(http_page http/page.py ONCE)
	if(TEST http_page)
		set_tests_properties(http_page PROPERTIES LABELS long)
	endif()
endif()
