# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Completion of `weir` for bash: in /usr/share/bash-completion/completions/weir. Names of services and
# backends are asked of the daemon, if one answers at once.

_weir_socket() { # what -s says on the line so far
	local i
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) echo "-s ${COMP_WORDS[i + 1]}" && return ;;
		esac
	done
}

_weir_names() { # services|backends
	# shellcheck disable=SC2046 # words
	timeout 1 weir show "$1" --names $(_weir_socket) 2>/dev/null
}

_weir() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]}
	local command=${COMP_WORDS[1]} options=
	COMPREPLY=()
	case $before in
	-c | --config | --pcap | -w | -s | --socket)
		compopt -o default
		return
		;;
	--service)
		mapfile -t COMPREPLY < <(compgen -W "$(_weir_names services)" -- "$word")
		return
		;;
	--backend)
		mapfile -t COMPREPLY < <(compgen -W "$(_weir_names backends)" -- "$word")
		return
		;;
	--view)
		mapfile -t COMPREPLY < <(compgen -W "services backends interfaces workers drops" -- "$word")
		return
		;;
	esac
	if [ "$COMP_CWORD" -eq 1 ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(weir commands) --help --version" -- "$word")
		return
	fi
	# The options a command has are those its help lists.
	[[ $word != -* ]] || options=$(weir "$command" --help 2>/dev/null | grep -oE -- '(^|[ ,[])--?[a-z][a-z-]*' | tr -d ' ,[')
	case $command in
	show) options+=" status services backends flows workers interfaces drops nexthops" ;;
	set)
		if [ "$COMP_CWORD" -eq 2 ]; then
			options+=" backend"
		elif [ "$COMP_CWORD" -eq 3 ]; then
			options+=" $(_weir_names backends)"
		else
			options+=" state=up state=drain state=down state=alive weight="
			compopt -o nospace
		fi
		;;
	check) [[ $word == -* ]] || compopt -o default ;;
	esac
	mapfile -t COMPREPLY < <(compgen -W "$options" -- "$word")
}
# `state=` is one word.
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
complete -F _weir weir
