#compdef nemu -P nemu-*
# SPDX-License-Identifier: GPL-2.0-or-later
# zsh completion for nemu; what may come next is told by nemu itself.

local -a reply ends
reply=("${(@f)$(command nemu --complete "${words[1]:t}" "${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null </dev/null)}")
case $reply[1] in
'') return 1 ;;
'!files') _files ;;
'!dirs') _files -/ ;;
'!command '*)
	local at=${reply[1]#* }
	shift $((at + 1)) words
	((CURRENT -= at + 1))
	_normal
	;;
*)
	ends=(${(M)reply:#*[:=/]})
	compadd -S '' -a ends
	reply=(${reply:#*[:=/]})
	compadd -a reply
	;;
esac
