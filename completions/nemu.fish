# SPDX-License-Identifier: GPL-2.0-or-later
# fish completion for nemu; what may come next is told by nemu itself.

function __nemu_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l reply (command nemu --complete (string replace -r '.*/' '' -- $words[1]) $words[2..] 2>/dev/null </dev/null)
    switch "$reply[1]"
        case '!files'
            __fish_complete_path (commandline -ct)
        case '!dirs'
            __fish_complete_directories (commandline -ct)
        case '!command *'
            __fish_complete_subcommand --fcs-skip=(math (string split ' ' -- $reply[1])[2] + 1)
    end
    string match -v '!*' -- $reply
end

complete -c nemu -f -a '(__nemu_complete)'
for applet in (command nemu --list 2>/dev/null | string split -f1 \t)
    complete -c nemu-$applet -f -a '(__nemu_complete)'
end
