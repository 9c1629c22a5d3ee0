# SPDX-License-Identifier: MIT
# HTTP at a daemon's port, with real clients.
if("http" IN_LIST PYRITE_FACES)
	add_executable(http-server http/server.c http/cart.c)
	pyrite_generate(TARGET http-server IDL http/shop.idl)
	target_link_libraries(http-server PRIVATE pyrite::pyrite)
	pyrite_warnings(http-server)
	# Requests at random. A short run here; by hand, in a build with sanitizers: bin/http-random 1000000
	add_executable(http-random fuzz/http_random.c http/cart.c)
	pyrite_generate(TARGET http-random IDL http/shop.idl)
	target_include_directories(http-random PRIVATE http)
	target_link_libraries(http-random PRIVATE pyrite_internal)
	pyrite_warnings(http-random)
	add_test(NAME http_random COMMAND http-random 3000 1)
	pyrite_test_properties(http_random)
	foreach(what calls refused openapi metrics names)
		pyrite_script_test(http_${what} http/${what}.py)
	endforeach()
	# In a browser, which scripts/deps --long installs.
	pyrite_script_test(http_page http/page.py ONCE)
	if(TEST http_page)
		set_tests_properties(http_page PROPERTIES LABELS long)
	endif()
endif()
