# SPDX-License-Identifier: MIT
add_executable(interop-server interop/server.c)
pyrite_generate(TARGET interop-server IDL interop/interop.idl)
target_link_libraries(interop-server PRIVATE pyrite Threads::Threads)
pyrite_warnings(interop-server)
pyrite_script_test(interop interop/interop.py)
