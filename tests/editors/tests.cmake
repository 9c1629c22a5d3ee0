# SPDX-License-Identifier: MIT
# editors/: the words, and with --long the editors themselves.
pyrite_script_test(editors editors/words.py ONCE)
foreach(editor vim vscode)
	pyrite_script_test(editors_${editor} editors/${editor}.sh ONCE)
	if(TEST editors_${editor})
		set_tests_properties(editors_${editor} PROPERTIES LABELS long)
	endif()
endforeach()
