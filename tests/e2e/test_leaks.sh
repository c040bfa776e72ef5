#!/usr/bin/env bash
# Nothing leaks: mounts, cgroups, processes, state directories and temporary files are compared before and after starts
# that end well, fail, or lose one of their processes by SIGKILL at a random moment.
. "$(dirname "$0")/lib.sh"
root=/run/taskshim-leaks-$$

# What a failed test left.
clean_root()
{
	local left
	for left in "$root"/*; do
		[ ! -d "$left" ] || taskshim --root "$root" delete --force "${left##*/}"
	done
	rm -rf "$root"
}

# Everything of ours that the machine has. Processes count by name, and those of other tests do not (see ours).
snapshot()
{
	echo "mounts:"
	# the kernel mounts tracefs by itself when somebody looks below debugfs, and unmounts it later
	cut -d' ' -f4- /proc/self/mountinfo | grep -v ' - tracefs ' | sort
	echo "cgroups:"
	find /sys/fs/cgroup -type d -path "*leak-$$*" 2>/dev/null | sort
	echo "state directories:"
	ls -A "$root" 2>/dev/null
	echo "processes:"
	ours
}

# Processes whose environment has our mark: inherited by taskshim and its spawn-daemon; tasks have it by --env.
ours()
{
	local dir
	for dir in /proc/[0-9]*; do
		[ "$dir" != "/proc/$BASHPID" ] || continue
		if tr '\0' '\n' <"$dir/environ" 2>/dev/null | grep -qx "LEAK_MARK=$$"; then
			echo "${dir#/proc/} $(cat "$dir/comm" 2>/dev/null)"
		fi
	done
}

marked()
{
	LEAK_MARK=$$ taskshim --root "$root" "$@"
}

# Waits for what was killed to be gone (the kernel needs a moment), then compares.
expect_nothing_left()
{
	local after
	for _ in $(seq 100); do
		after=$(snapshot)
		[ "$after" != "$1" ] || return 0
		sleep 0.1
	done
	diff <(echo "$1") <(echo "$after") || true
	fail "something is left"
}

test_starts_that_end_well_or_fail()
{
	local before
	before=$(snapshot)
	status marked run --id "leak-$$" --env "LEAK_MARK=$$" -- /bin/sh -c 'sleep 100 & sleep 100 & exit 0'
	expect status 0 "$status"
	status marked run --id "leak-$$" -- /nonexistent
	expect status 127 "$status"
	status marked run --id "leak-$$" --user nobody-of-that-name -- /bin/true
	expect status 125 "$status"
	status marked run --id "leak-$$" --mount 'type=bind,source=/nonexistent,destination=/x' -- /bin/true
	[ "$status" != 0 ] || fail "a missing bind source was accepted"
	status marked run --id "leak-$$" --stdout /nonexistent/dir/file -- /bin/true
	[ "$status" != 0 ] || fail "a missing directory was accepted"
	status marked run --id "leak-$$" --memory 1 -- /bin/true
	expect_nothing_left "$before"
}

test_driver_that_vanishes_at_the_gate()
{
	local before
	before=$(snapshot)
	taskshim spec >"$scratch/config.json"
	LEAK_MARK=$$ spawn-daemon <"$scratch/config.json" >"$scratch/lines" # end of file instead of the gate
	expect_in lines '"reason":"parent-gone"' "$(tail -n 1 "$scratch/lines")"
	expect_nothing_left "$before"
}

# The processes of the task leak-$$: taskshim itself ($1), spawn-daemon, init.
victim()
{
	case $2 in
	taskshim) echo "$1" ;;
	spawn-daemon) pgrep -P "$1" -x spawn-daemon ;;
	init) pgrep -P "$(pgrep -P "$1" -x spawn-daemon)" ;;
	esac
}

# Kills one process of a foreground run after $2 microseconds; `delete --force` then clears what must be cleared.
kill_one()
{
	local pid target
	LEAK_MARK=$$ taskshim --root "$root" run --id "leak-$$" --env "LEAK_MARK=$$" -- /bin/sleep 100 \
		>/dev/null 2>&1 </dev/null &
	pid=$!
	sleep "0.00$2"
	target=$(victim "$pid" "$1" 2>/dev/null) || true
	# shellcheck disable=SC2086 # one number or none
	[ -z "$target" ] || kill -KILL $target 2>/dev/null || true
	[ -n "$target" ] || kill -KILL "$pid" 2>/dev/null || true
	wait "$pid" 2>/dev/null || true
	marked delete --force "leak-$$" >/dev/null 2>&1 || true
}

test_a_killed_taskshim_leaves_nothing()
{
	local before delay
	before=$(snapshot)
	for delay in 0 1 2 3 5 8 9; do
		kill_one taskshim "$delay"
		expect_nothing_left "$before"
	done
}

test_a_killed_spawn_daemon_leaves_nothing()
{
	local before delay
	before=$(snapshot)
	for delay in 0 1 2 3 5 8 9; do
		kill_one spawn-daemon "$delay"
		expect_nothing_left "$before"
	done
}

test_a_killed_init_leaves_nothing()
{
	local before delay
	before=$(snapshot)
	for delay in 1 3 5 9; do
		kill_one init "$delay"
		expect_nothing_left "$before"
	done
}

test_detached_tasks_leave_nothing_after_delete()
{
	local before i
	before=$(snapshot)
	for i in 1 2 3 4 5; do
		marked run -d --id "leak-$$-$i" --env "LEAK_MARK=$$" -- /bin/sleep 100 >/dev/null
	done
	for i in 1 2 3 4 5; do
		marked delete --force "leak-$$-$i"
	done
	expect_nothing_left "$before"
}

test_our_parent_cgroups_go_when_empty()
{
	[ -z "$(find /sys/fs/cgroup -maxdepth 4 -type d \( -path '*/taskshim/*' -o -name 'taskshim-*' \))" ] || skip "other tasks run on this machine"
	taskshim run -- /bin/true
	expect 'cgroups named taskshim' '' "$(find /sys/fs/cgroup -maxdepth 3 -type d -name 'taskshim*')"
}

mkdir -m 0755 "$root"
run_tests
result=$?
clean_root
exit $result
