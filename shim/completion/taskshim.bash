# Completion of taskshim for bash. What verbs and options there are is asked of taskshim itself, so that it cannot differ.
# shellcheck shell=bash

# Verbs are the first words of the overview's list; options are the words of a help text that begin with --.
_taskshim_verbs()
{
	"$1" --help 2>/dev/null | sed -n '/^verbs:/,/^$/s/^  \([a-z][a-z]*\) .*/\1/p'
}

_taskshim_options()
{
	{ "$@" --help 2>/dev/null; echo --help; } | grep -oE -- '(^|[^a-z-])--?[a-z][a-z-]*' | grep -oE -- '--?[a-z][a-z-]*$' | sort -u
}

# Options that take the next word, of those the user may have typed before the verb.
_taskshim_global_value()
{
	case $1 in
	--root | --log | --log-format | --cgroup-manager | --rootless | --spawn-daemon) return 0 ;;
	*) return 1 ;;
	esac
}

# Whether the verb's synopsis has the ID of a task that there is.
_taskshim_takes_task()
{
	case $2 in
	run | create) return 1 ;; # theirs is new
	esac
	"$1" "$2" --help 2>/dev/null | grep -E '^(usage:|       taskshim)' | grep -qE '[][ |](ID|IDSTRING)([][ .|]|$)'
}

_taskshim()
{
	local program=${COMP_WORDS[0]} word=${COMP_WORDS[COMP_CWORD]} verb='' i after='' root=()
	COMPREPLY=()
	for ((i = 1; i < COMP_CWORD; i++)); do
		case ${COMP_WORDS[i]} in
		--) [ -z "$verb" ] || after=yes ;;
		-*)
			if [ -z "$verb" ] && _taskshim_global_value "${COMP_WORDS[i]}"; then
				[ "${COMP_WORDS[i]}" != --root ] || root=(--root "${COMP_WORDS[i + 1]}")
				((i++))
			fi
			;;
		*) [ -n "$verb" ] || verb=${COMP_WORDS[i]} ;;
		esac
	done
	if [ -n "$after" ]; then
		# the command of a task: not ours to complete, but a program or a file
		mapfile -t COMPREPLY < <(compgen -c -f -- "$word")
	elif [ "${word:0:1}" = - ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_taskshim_options "$program" ${verb:+"$verb"})" -- "$word")
	elif [ -z "$verb" ]; then
		mapfile -t COMPREPLY < <(compgen -W "$(_taskshim_verbs "$program")" -- "$word")
	elif _taskshim_takes_task "$program" "$verb"; then
		mapfile -t COMPREPLY < <(compgen -f -W "$("$program" "${root[@]}" list -q 2>/dev/null)" -- "$word")
	else
		mapfile -t COMPREPLY < <(compgen -f -- "$word")
	fi
}

complete -o filenames -F _taskshim taskshim
