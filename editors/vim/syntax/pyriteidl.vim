" SPDX-License-Identifier: MIT
" Syntax of Pyrite IDL. tests/editors/words.py compares the words with those of pyrite-idl.
if exists('b:current_syntax')
	finish
endif
let s:save = &cpoptions
set cpoptions&vim
syntax case match

" Declarations, and what belongs to them.
syntax keyword pyriteidlStructure module interface struct union enum exception typedef
syntax keyword pyriteidlStorage const attribute readonly oneway
syntax keyword pyriteidlKeyword in out inout raises switch
syntax keyword pyriteidlLabel case default
syntax keyword pyriteidlBoolean TRUE FALSE

" Types. map and stream are names unless < follows, getraises and setraises unless ( does.
syntax keyword pyriteidlType any boolean char double float long octet sequence short string unsigned void wchar wstring Object
syntax keyword pyriteidlType int8 int16 int32 int64 uint8 uint16 uint32 uint64 bytes
syntax match pyriteidlType "\<\%(map\|stream\)\>\ze\s*<"
syntax match pyriteidlKeyword "\<\%(getraises\|setraises\)\>\ze\s*("

" OMG IDL that pyrite-idl does not support.
syntax keyword pyriteidlUnsupported abstract bitmask bitset component connector custom eventtype home import local native
syntax keyword pyriteidlUnsupported porttype typeid typeprefix valuetype
syntax keyword pyriteidlUnsupported fixed TypeCode ValueBase AbstractBase Principal NamedValue

" Annotations: others are ignored with a warning.
syntax match pyriteidlUnknown "@\s*\h\w*"
syntax match pyriteidlAnnotation "@\s*\%(id\|optional\|default\|idempotent\|inline\|timeout\|status\|deprecated\|oneof\|message\|cname\)\>"

syntax match pyriteidlNumber "\<\%(0[xX]\x\+\|\d\+\)\>"
syntax match pyriteidlFloat "\<\d\+\%(\.\d*\)\?\%([eE][+-]\?\d\+\)\?\>"
syntax match pyriteidlFloat "\<\d\+\.\d*\%([eE][+-]\?\d\+\)\?"
syntax match pyriteidlFloat "\.\d\+\%([eE][+-]\?\d\+\)\?\>"
syntax match pyriteidlNumber "\<\%(0[xX]\x\+\|\d\+\)\>[.eE]\@!"
syntax match pyriteidlEscape contained "\\\%(x\x\+\|u\x\+\|\o\{1,3}\|.\)"
syntax region pyriteidlString start=+L\?"+ skip=+\\.+ end=+"+ oneline contains=pyriteidlEscape
syntax match pyriteidlCharacter "L\?'\%([^'\\]\|\\.[^']*\)'" contains=pyriteidlEscape

syntax match pyriteidlPreProc "^\s*#\s*\%(include\|define\|undef\|if\|ifdef\|ifndef\|elif\|else\|endif\|pragma\|error\|warning\|line\|ident\)\>"
syntax match pyriteidlIncluded "\%(^\s*#\s*include\s*\)\@<=<[^>]*>"

syntax region pyriteidlComment start="//" end="$" keepend contains=@Spell
syntax region pyriteidlComment start="/\*" end="\*/" contains=@Spell
syntax region pyriteidlDoc start="///\%([^/]\|$\)\@=" end="$" keepend contains=@Spell
syntax region pyriteidlDoc start="/\*\*\%([^*/]\|$\)\@=" end="\*/" contains=@Spell
syntax sync ccomment pyriteidlComment

highlight default link pyriteidlStructure Structure
highlight default link pyriteidlStorage StorageClass
highlight default link pyriteidlKeyword Keyword
highlight default link pyriteidlLabel Label
highlight default link pyriteidlBoolean Boolean
highlight default link pyriteidlType Type
highlight default link pyriteidlUnsupported Error
highlight default link pyriteidlAnnotation Special
highlight default link pyriteidlUnknown Comment
highlight default link pyriteidlNumber Number
highlight default link pyriteidlFloat Float
highlight default link pyriteidlEscape SpecialChar
highlight default link pyriteidlString String
highlight default link pyriteidlCharacter Character
highlight default link pyriteidlPreProc PreProc
highlight default link pyriteidlIncluded String
highlight default link pyriteidlComment Comment
highlight default link pyriteidlDoc SpecialComment

let b:current_syntax = 'pyriteidl'
let &cpoptions = s:save
unlet s:save
