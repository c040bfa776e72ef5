#!/usr/bin/env bash
# Completion for bash, zsh and fish: in each shell, every verb, every option that a verb's help names, and the ids of tasks.
. "$(dirname "$0")/lib.sh"

root=/run/ts-completion-$$
dir=$top/shim/completion

verbs()
{
	taskshim --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# The long options that getopt_long(3) has for a verb: from the tables in the sources, not from the help.
options_of()
{
	local file=$top/shim/cmd/$1.c
	[ -e "$file" ] || file=$top/shim/cmd/pause.c
	grep -oE '\{"[a-z][a-z-]+", (no|required|optional)_argument' "$file" | cut -d'"' -f2 | sed 's/^/--/'
}

# in_bash WORDS...: what is offered for the last of them
in_bash()
{
	bash --norc -c '. "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _taskshim; printf "%s\n" "${COMPREPLY[@]}"' \
		"$dir/taskshim.bash" "$@"
}

# zsh completes in its line editor only: in a pseudo-terminal of zsh's own, where compadd says what it gets
in_zsh()
{
	zsh -f "$(dirname "$0")/complete.zsh" "$dir" "$*"
}

in_fish()
{
	fish --no-config -c 'source $argv[1]; complete -C "$argv[2]"' "$dir/taskshim.fish" "$*" | cut -f1
}

# with SHELL: each of the claims
with()
{
	local offer=in_$1 verb option offered
	command -v "$1" >/dev/null || skip "$1 is not installed"
	offered=$($offer taskshim '')
	for verb in $(verbs); do
		grep -qx -- "$verb" <<<"$offered" || fail "$1: no verb $verb in: $offered"
	done
	for verb in $(verbs); do
		offered=$($offer taskshim "$verb" --)
		for option in $(options_of "$verb"); do
			grep -qx -- "$option" <<<"$offered" || fail "$1: $verb: no $option in: $offered"
		done
	done
	offered=$($offer taskshim --)
	for option in --root --log --log-format --cgroup-manager --rootless --spawn-daemon --help --version; do
		grep -qx -- "$option" <<<"$offered" || fail "$1: no $option in: $offered"
	done
	expect "$1: a part of a verb" validate "$($offer taskshim val | tr -d ' ')"
	task=$1-task-$$
	trap 'taskshim --root "$root" delete --force "$task" >/dev/null; rmdir "$root"' EXIT
	taskshim --root "$root" run -d --id "$task" -- sleep 1000 >"$scratch/id"
	for verb in state kill delete wait stop stats ps events pause open; do
		offered=$($offer taskshim --root "$root" "$verb" "$1-t")
		grep -qx "$task" <<<"$offered" || fail "$1: $verb: no task in: $offered"
	done
	for verb in run create; do
		offered=$($offer taskshim --root "$root" "$verb" "$1-t")
		! grep -qx "$task" <<<"$offered" || fail "$1: $verb: offers an id that is taken"
	done
}

test_bash()
{
	with bash
}

test_zsh()
{
	with zsh
}

test_fish()
{
	with fish
}

test_every_option_in_the_tables_is_in_the_help()
{
	local verb option
	for verb in $(verbs); do
		for option in $(options_of "$verb"); do
			taskshim "$verb" --help | grep -q -- "$option\b" || [ "$option" = --help ] || fail "$verb --help has no $option"
		done
	done
	[ "$(options_of run | wc -l)" -gt 40 ] || fail 'cannot read the options of run'
}

test_a_command_behind_two_dashes()
{
	expect_in 'a program' true "$(in_bash taskshim run -- tru)"
}

test_make_install_installs_them()
{
	(cd "$top" && make -s install DESTDIR="$scratch/d" PREFIX=/usr ${SAN:+SAN=$SAN}) >"$scratch/make" 2>&1 || fail "$(<"$scratch/make")"
	cmp "$dir/taskshim.bash" "$scratch/d/usr/share/bash-completion/completions/taskshim"
	cmp "$dir/_taskshim" "$scratch/d/usr/share/zsh/vendor-completions/_taskshim"
	cmp "$dir/taskshim.fish" "$scratch/d/usr/share/fish/vendor_completions.d/taskshim.fish"
	(cd "$top" && make -s uninstall DESTDIR="$scratch/d" PREFIX=/usr)
	expect 'left by uninstall' '' "$(find "$scratch/d" -name '*taskshim*' ! -type d)"
}

run_tests
