# SPDX-License-Identifier: MIT
# Makes OUT, a C file that holds each of FILES as bytes, with a NUL behind them: of page/app.js page_app_js and
# page_app_js_size. cmake -DOUT=... -DHEADER=... "-DFILES=a;b" -P embed.cmake
set(text "/* SPDX-License-Identifier: MIT */\n#include \"${HEADER}\"\n")
foreach(file IN LISTS FILES)
	get_filename_component(name ${file} NAME)
	string(MAKE_C_IDENTIFIER "page_${name}" name)
	file(READ ${file} bytes HEX)
	string(LENGTH "${bytes}" n)
	math(EXPR n "${n} / 2")
	string(REGEX REPLACE "([0-9a-f][0-9a-f])" "0x\\1," bytes "${bytes}")
	string(REPEAT "0x..," 16 line)
	string(REGEX REPLACE "(${line})" "\\1\n" bytes "${bytes}")
	string(APPEND text "\nconst unsigned char ${name}[] = {\n${bytes}0\n};\nconst size_t ${name}_size = ${n};\n")
endforeach()
file(WRITE ${OUT} "${text}")
