# SPDX-License-Identifier: MIT
# The program pyrite from the outside.
pyrite_script_test(keys tools/keys.sh)
if(PYRITE_SAMPLES)
	pyrite_script_test(pyrite_call tools/call.sh ONCE)
	pyrite_script_test(pyrite_commands tools/commands.sh ONCE)
endif()
pyrite_script_test(pyrite_hostile tools/hostile.py ONCE)
# Stops pyrite keys at each of its steps: where it is preloaded, a sanitizer cannot be the first.
if(NOT PYRITE_SANITIZE)
	add_library(keys-crash MODULE tools/crash.c)
	pyrite_warnings(keys-crash)
	pyrite_script_test(keys_crashes tools/keys_crashes.py $<TARGET_FILE:keys-crash>)
endif()
if(TARGET pyrite-man)
	pyrite_script_test(man tools/man.sh)
endif()
