# SPDX-License-Identifier: MIT
# Completion for fish, as that for bash.

function __pyrite_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l program pyrite
    set -q PYRITE_COMPLETE; and set program $PYRITE_COMPLETE
    $program complete (basename $words[1]) $words[2..-1] 2>/dev/null
end

complete -c pyrite -f -a '(__pyrite_complete)'
complete -c pyrite-nsc -f -a '(__pyrite_complete)'
for program in pyrite-idl pyrite-ns pyrite-echoserver
    complete -c $program -n 'string match -q -- "-*" (commandline -ct)' -a "($program --help | string match -rga -- '(--[a-z][a-z-]*)')"
end
