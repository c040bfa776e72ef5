#!/usr/bin/env bash
# A foreground `taskshim run` that is killed leaves nothing, without anybody who cleans up after it.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
id=e2e-death-$$

# Waits until the command succeeds.
wait_for()
{
	local tries
	for ((tries = 0; tries < 1000; tries++)); do
		! "$@" || return 0
		sleep 0.02
	done
	fail "hang: $*"
}

# Whether the process has ended; a zombie that nobody reaps has.
has_ended()
{
	[ ! -d "/proc/$1" ] || grep -q '^State:.Z' "/proc/$1/status"
}

says_ready()
{
	grep -qx ready "$scratch/task"
}

# start OPTION...: a foreground run that leaves strays and says "ready"; its pid in $run, the monitor's in $monitor, the
# task's processes in $processes, its cgroups in $cgroups.
start()
{
	local state
	: >"$scratch/task"
	taskshim run --id "$id" "$@" -- /bin/sh -c 'trap "" TERM; sleep 1001 & setsid sleep 1002 & echo ready; wait' \
		>"$scratch/task" 2>&1 </dev/null &
	run=$!
	wait_for says_ready
	state=$(taskshim state "$id")
	monitor=$(field "$state" '["taskshim"]["monitorPid"]')
	cgroups=$(field "$state" '["taskshim"]["cgroup"].values()' | grep -oE "/[^']*")
	processes=$(for cgroup in $cgroups; do cat "$cgroup/cgroup.procs"; done | sort -u)
	! grep -q "$id" "/proc/$monitor/cgroup" || fail "the monitor is in the task's cgroups"
	[ "$(wc -w <<<"$processes")" -ge 3 ] || fail "not all processes are in the cgroups: $processes"
}

# Kills the run; then neither the monitor nor a process nor a cgroup may be left.
kill_run()
{
	local pid cgroup
	kill -KILL "$run"
	wait "$run" 2>/dev/null || true
	wait_for has_ended "$monitor"
	for pid in $processes; do
		has_ended "$pid" || fail "process $pid is left: $(tr '\0' ' ' <"/proc/$pid/cmdline")"
	done
	[ "$1" = keep ] || for cgroup in $cgroups; do
		[ ! -e "$cgroup" ] || fail "left: $cgroup"
	done
}

test_killed_run_leaves_nothing()
{
	start --memory 64m
	kill_run remove
	[ ! -e "/run/taskshim/$id" ] || fail "left: $(ls -A "/run/taskshim/$id")"
}

test_killed_run_with_the_host_s_pid_namespace_leaves_nothing()
{
	start --pid host
	kill_run remove
	[ ! -e "/run/taskshim/$id" ] || fail "left: $(ls -A "/run/taskshim/$id")"
}

test_killed_run_with_keep_leaves_the_record()
{
	start --keep
	kill_run keep
	expect known True "$(field "$(</run/taskshim/"$id"/exit.json)" '["known"]')"
	expect cause stopped "$(field "$(</run/taskshim/"$id"/exit.json)" '["cause"]')"
	taskshim delete "$id"
	[ ! -e "/run/taskshim/$id" ] || fail 'left after delete'
}

# At any moment from the one on at which spawn-daemon has the config. What is killed before that is for gc.
test_run_that_is_killed_during_the_start_leaves_nothing()
{
	local i dir=/run/taskshim/$id
	for i in 1 2 3 4 5 6 7 8 9 10; do
		taskshim run --id "$id" -- /bin/sleep 1003 >/dev/null 2>&1 </dev/null &
		run=$!
		# state.json is written by spawn-daemon, which has the config by then
		wait_for test -e "$dir/state.json"
		monitor=$(field "$(<"$dir/state.json")" '["idString"]' | grep -oE '"monitorPid":[0-9]+' | cut -d: -f2)
		kill -KILL "$run"
		wait "$run" 2>/dev/null || true
		wait_for has_ended "$monitor"
		[ ! -e "$dir" ] || fail "round $i: left: $(ls -A "$dir")"
		expect cgroups '' "$(find /sys/fs/cgroup -type d -name "$id")"
	done
}

run_tests
