# SPDX-License-Identifier: MIT
# Programs that know Pyro alone: Python's Pyro4 as Debian has it, and bytes that no Pyro would send.
if("pyro" IN_LIST PYRITE_FACES)
	add_executable(pyro-examples pyro/examples.c pyro/places.c pyro/shop.c)
	pyrite_generate(TARGET pyro-examples IDL pyro/examples.idl)
	target_link_libraries(pyro-examples PRIVATE pyrite Threads::Threads)
	pyrite_warnings(pyro-examples)
	pyrite_script_test(pyro_clients pyro/clients.py)
	pyrite_script_test(pyro_peers pyro/peers.py)
	pyrite_script_test(pyro_secure pyro/secure.py)
	pyrite_script_test(pyro_fuzz pyro/fuzz.py 4000 7)
endif()
