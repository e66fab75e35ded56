# SPDX-License-Identifier: BSD-2-Clause
# shellcheck shell=bash
# Completion of `weir` for bash: in /usr/share/bash-completion/completions/weir. All words come from the
# program (`weir commands`), and names of services, backends and interfaces by it from the daemon, if one
# answers at once.

_weir_socket() { # what -s says on the line so far
	local i
	for ((i = 2; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		-s | --socket) echo "${COMP_WORDS[i + 1]}" && return ;;
		esac
	done
	echo /run/weir/weir.sock
}

_weir_words() { # BEFORE
	timeout 1 weir commands "${COMP_WORDS[1]}" "$1" "$(_weir_socket)" 2>/dev/null
}

# The options a command has are those its help lists.
_weir_options() {
	weir "${COMP_WORDS[1]}" --help 2>/dev/null | grep -oE -- '(^|[ ,[])--?[a-zA-Z][a-z-]*' | tr -d ' ,['
}

_weir() {
	local word=${COMP_WORDS[COMP_CWORD]} before=${COMP_WORDS[COMP_CWORD - 1]} command=${COMP_WORDS[1]} words=
	COMPREPLY=()
	if [ "$COMP_CWORD" -eq 1 ]; then
		words="$(weir commands) --help --version"
	elif [[ $word == -* ]]; then
		words=$(_weir_options)
	elif [[ $command == set && $word == state=* ]]; then
		mapfile -t COMPREPLY < <(compgen -P state= -W "$(_weir_words state=)" -- "${word#state=}")
		return
	elif [[ $command == set && $COMP_CWORD -gt 3 ]]; then
		words=$(_weir_words BACKEND)
		compopt -o nospace 2>/dev/null
	elif [[ $before == -* || $command == set ]]; then
		[ "$before" = set ] && before=
		words=$(_weir_words "$before")
	elif [ "$COMP_CWORD" -eq 2 ]; then
		words=$(_weir_words "")
	fi
	mapfile -t COMPREPLY < <(compgen -W "$words" -- "$word")
	# What has no words of its own may be a file.
	[ -n "$words" ] || compopt -o default 2>/dev/null
}
# `state=` is one word.
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
complete -F _weir weir
