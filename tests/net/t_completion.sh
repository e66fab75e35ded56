#!/bin/bash
# SPDX-License-Identifier: BSD-2-Clause
#
# Completion in bash and in zsh (one-arm, for a daemon whose names are completed): what Tab offers is what
# the program takes; in a terminal, the key itself.
# shellcheck disable=SC2016 # for the inner shells
. "$(dirname "$0")/../lib/net.sh"

command -v zsh >/dev/null || skip "no zsh"
export PATH=$build:$PATH

net_one_arm
web_services | weir_config eth0
weir_start

bash_offers() { # WORD...: the last one is being written
	bash -c '. "$1"; shift
		COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
		_weir
		printf "%s\n" "${COMPREPLY[@]}"' bash "$net_root/configs/completion/weir.bash" "$@" | sort | xargs
}
# `compadd` of the completion system, without that.
zsh_offers() {
	zsh -fc 'autoload=$1; shift
		words=("$@") CURRENT=$#
		compadd() { local -a found=(${(P)@[-1]}); print -l -- ${(M)found:#${words[CURRENT]}*} }
		_files() { :; }
		. $autoload' zsh "$net_root/configs/completion/_weir" "$@" | sort | xargs
}

offers() { # "WORDS" WANTED...: both shells
	local line=$1 shell
	shift
	read -ra words <<<"$line"
	[[ $line != *' ' ]] || words+=("")
	for shell in bash zsh; do
		expect_equal "$shell: '$line'" "$(printf '%s\n' "$@" | sort | xargs)" "$(${shell}_offers "${words[@]}")"
	done
}

help_words() { "$weir" "$1" --help | grep -oE -- '^ +(-[a-zA-Z], )?--[a-z-]+' | grep -oE -- '--[a-z-]+' | sort -u; }

say "commands"
offers "weir re" reload replay
offers "weir c" capture check
for command in $("$weir" commands); do
	"$weir" "$command" --help >/dev/null || fail "weir $command --help"
	expect_equal "options that weir $command has and bash does not offer" "" \
		"$(comm -23 <(help_words "$command") <(bash_offers weir "$command" -- | tr ' ' '\n' | sort -u))"
	expect_equal "the same of zsh" "" \
		"$(comm -23 <(help_words "$command") <(zsh_offers weir "$command" -- | tr ' ' '\n' | sort -u))"
done

say "operands"
offers "weir show s" services status
for subject in $("$weir" commands show); do
	weir_show "$subject" >/dev/null || fail "weir show $subject"
done
offers "weir top --view w" workers
for view in $("$weir" commands top --view); do
	"$weir" top --once --view "$view" -s "$socket" >/dev/null || fail "weir top --view $view"
done
offers "weir backend " up down show
offers "weir capture --reason no-" no-backend no-daemon no-next-hop
expect_equal "reasons that are offered" "$(weir_show drops | jq -r '.reasons[].reason' | sort)" \
	"$("$weir" commands capture --reason | sort)"
offers "weir set b" backend
offers "weir set backend web4/b1 s" state=
offers "weir set backend web4/b1 state=d" state=drain state=down
for state in $("$weir" commands set state=); do
	"$weir" set backend web4/b1 "state=$state" -s "$socket" >/dev/null || fail "state=$state"
done

say "names, of the daemon"
offers "weir show flows -s $socket --service w" web4 web6
offers "weir show flows -s $socket --backend web6/" web6/b1 web6/b2 web6/b3
offers "weir capture -s $socket --interface " eth0
offers "weir show flows -s $dir/nowhere --service "

say "Tab"
terminal() { tmux -L "$net_prefix" -f /dev/null "$@"; }
trap 'terminal kill-server 2>/dev/null || true; net_cleanup' EXIT
shows() { terminal capture-pane -p -t "$1" | grep -qE -- "$2"; }
mkdir "$dir/zsh"
cp "$net_root/configs/completion/_weir" "$dir/zsh"
printf 'fpath=(%s $fpath)\nautoload -Uz compinit\ncompinit -u -D\nPS1="zsh: "\n' "$dir/zsh" >"$dir/zsh/.zshrc"
printf '. %s\nPS1="bash: "\n' "$net_root/configs/completion/weir.bash" >"$dir/bashrc"
terminal new-session -d -s bash -x 80 -y 24 "bash --rcfile $dir/bashrc"
terminal new-session -d -s zsh -x 80 -y 24 "ZDOTDIR=$dir/zsh zsh"
for shell in bash zsh; do
	must_come 10 "a prompt of $shell" shows $shell "^$shell:"
	terminal send-keys -t $shell "weir show work" Tab
	must_come 10 "the word in $shell" shows $shell "^$shell: weir show workers"
done
