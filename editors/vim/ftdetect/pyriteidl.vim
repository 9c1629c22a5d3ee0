" SPDX-License-Identifier: MIT
" IDL files are Pyrite's, unless Vim has found Microsoft's IDL in them.
autocmd BufNewFile,BufRead *.idl if &filetype !=# 'msidl' | setlocal filetype=pyriteidl | endif
