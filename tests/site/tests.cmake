# SPDX-License-Identifier: MIT
# The documentation as HTML, from a build with manual pages.
if(TARGET pyrite-man)
	pyrite_script_test(site site/site.py ONCE)
	# In a browser, which scripts/deps --long installs.
	pyrite_script_test(site_browser site/browse.py ONCE)
	if(TEST site_browser)
		set_tests_properties(site_browser PROPERTIES LABELS long)
	endif()
endif()
