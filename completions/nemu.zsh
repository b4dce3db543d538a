#compdef nemu -P nemu-*
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for nemu; what may come next is told by nemu itself.

local -a reply ends rest
local ret=1
reply=("${(@f)$(command nemu --complete "${words[1]:t}" "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)}")
[[ $reply[1] ]] || return 1
rest=(${reply:#!*})
ends=(${(M)rest:#*[:=/]})
compadd -S '' -a ends && ret=0
rest=(${rest:#*[:=/]})
compadd -a rest && ret=0
case $reply[1] in
'!files') _files && ret=0 ;;
'!dirs') _files -/ && ret=0 ;;
'!command '*)
	local at=${reply[1]#* }
	shift $((at + 1)) words
	((CURRENT -= at + 1))
	_normal && ret=0
	;;
esac
return ret
