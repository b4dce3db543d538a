# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
# bash completion for nemu; what may come next is told by nemu itself.

_nemu() {
	local line=${COMP_LINE:0:COMP_POINT} words cur colon rest
	read -ra words <<<"$line"
	[[ $line != *[[:space:]] ]] || words+=("")
	cur=${words[-1]}
	mapfile -t COMPREPLY < <(command nemu --complete "${words[0]##*/}" "${words[@]:1}" 2>/dev/null </dev/null)
	rest=("${COMPREPLY[@]:1}") # behind what is asked of bash
	case ${COMPREPLY[0]-} in
	'!files') mapfile -t COMPREPLY < <(compgen -f -- "$cur") ;;
	'!dirs') mapfile -t COMPREPLY < <(compgen -d -- "$cur") ;;
	'!command '*)
		local at=${COMPREPLY[0]#* }
		COMPREPLY=()
		if declare -F _command_offset >/dev/null; then
			_command_offset $((at + 1))
		elif ((at + 2 == ${#words[@]})); then
			mapfile -t COMPREPLY < <(compgen -c -- "$cur")
		else
			mapfile -t COMPREPLY < <(compgen -f -- "$cur")
		fi
		;;
	*) rest=() ;;
	esac
	COMPREPLY+=("${rest[@]}")
	# For bash a colon ends a word: what stands before it is there already.
	colon=${cur%"${cur##*:}"}
	if [[ $colon && $COMP_WORDBREAKS == *:* ]]; then
		COMPREPLY=("${COMPREPLY[@]#"$colon"}")
	fi
	[[ ${COMPREPLY[*]} != *[:=/] ]] || compopt -o nospace 2>/dev/null
}

complete -F _nemu nemu
for _nemu_applet in $(command nemu --list 2>/dev/null | cut -f1); do
	complete -F _nemu "nemu-$_nemu_applet"
done
unset _nemu_applet
