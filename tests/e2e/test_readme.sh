#!/usr/bin/env bash
# The commands in README.md, as they stand there and in their order.
. "$(dirname "$0")/lib.sh"

# The commands: indented lines that start with "# ".
commands()
{
	sed -n 's/^    # //p' "$top/README.md"
}

test_the_commands_of_the_readme_work()
{
	local command n=0
	cd "$top"
	[ ! -e /run/taskshim/web ] || skip "a task with the id of the README's exists"
	trap '[ ! -e /run/taskshim/web ] || taskshim delete --force web' EXIT
	while read -r command; do
		command=${command//build\/spawn-daemon/$SPAWN_DAEMON}
		command=${command//--journal journal/--journal $scratch/journal}
		echo "$command"
		case $command in
		*'taskshim wait'*) eval "$command" >"$scratch/out" </dev/null || [ $? = 137 ] ;;
		*) eval "$command" >"$scratch/out" </dev/null ;;
		esac
		n=$((n + 1))
		cp "$scratch/out" "$scratch/out$n"
	done < <(commands)
	[ $n -ge 5 ] || fail "only $n commands in README.md"
	expect 'the first transcript' "$(sed -n '/^    # taskshim run --/,/^$/p' "$top/README.md" | sed -n '2,3s/^    //p')" \
		"$(head -n 2 "$scratch/out1")" # which directories follow depends on the machine
	expect_in 'run -d' 'CGROUP:{"version":1,"id":"web"' "$(cat "$scratch/out2")"
	expect open 'running web' "$(cat "$scratch/out3")"
	expect 'exit code' 137 "$(field "$(cat "$scratch/out5")" '["exitCode"]')"
}

run_tests
