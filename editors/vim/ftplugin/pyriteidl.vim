" SPDX-License-Identifier: MIT
" Settings for Pyrite IDL: comments, :make, and formatting by pyrite-idl.
if exists('b:did_ftplugin')
	finish
endif
let b:did_ftplugin = 1

setlocal commentstring=//\ %s
setlocal comments=s1:/*,mb:*,ex:*/,:///,://
setlocal formatoptions-=t formatoptions+=croql
setlocal suffixesadd=.idl
setlocal include=^\s*#\s*include
setlocal define=^\s*#\s*define
setlocal shiftwidth=4 softtabstop=4 expandtab

" Both format a whole file: gg=G or gggqG. They replace the text even if it has errors: :PyriteFormat does not.
setlocal equalprg=pyrite-idl\ --format\ -
setlocal formatprg=pyrite-idl\ --format\ -

setlocal makeprg=pyrite-idl\ --check\ %:S
setlocal errorformat=%f:%l:%c:\ %trror:\ %m,%f:%l:%c:\ %tarning:\ %m,%f:\ %trror:\ %m,%-G%.%#

" Formats the buffer. If pyrite-idl finds errors, shows them and leaves the text as it is.
function! s:Format() abort
	let l:before = getline(1, '$')
	let l:errors = tempname()
	let l:after = systemlist('pyrite-idl --format - 2>' . shellescape(l:errors), l:before)
	if v:shell_error
		echohl ErrorMsg
		for l:line in filereadable(l:errors) ? readfile(l:errors) : ['pyrite-idl failed']
			echomsg l:line
		endfor
		echohl None
	elseif l:after !=# l:before
		let l:view = winsaveview()
		call setline(1, l:after)
		if len(l:before) > len(l:after)
			call deletebufline('%', len(l:after) + 1, '$')
		endif
		call winrestview(l:view)
	endif
	call delete(l:errors)
endfunction
command! -buffer -bar PyriteFormat call s:Format()

let b:undo_ftplugin = 'setlocal commentstring< comments< formatoptions< suffixesadd< include< define< shiftwidth<'
	\ . ' softtabstop< expandtab< equalprg< formatprg< makeprg< errorformat< | delcommand -buffer PyriteFormat'
