#!/usr/bin/env bash
# What cgroup v2 alone can do: OOM kills counted in memory.events, cgroup.kill, freezing, controllers down a path; and the
# cgroups that a task cannot be in, explained.
. "$(dirname "$0")/lib.sh"

test_host_has_every_controller()
{
	local controller
	for controller in cpu cpuset io memory pids; do
		grep -qw $controller $cgroups/cgroup.subtree_control || fail "$controller is not enabled: $(<$cgroups/cgroup.subtree_control)"
	done
	[ ! -d $cgroups/unified ] || fail "the layout is hybrid"
}

# --- OOM ---

test_oom_kill_of_the_command()
{
	status taskshim run --keep --id $id --memory 16m --memory-swap 16m -- /bin/sh -c 'exec tail /dev/zero'
	expect status 137 "$status"
	status taskshim wait $id
	expect oomKilled True "$(field "$output" '["oomKilled"]')"
	expect oomKills 1 "$(field "$output" '["oomKills"]')"
	expect cause exited "$(field "$output" '["cause"]')"
	expect 'peak is the limit' 16777216 "$(field "$output" '["usage"]["memoryPeakBytes"]')"
	taskshim delete $id
}

test_oom_kill_of_a_child_is_counted()
{
	status taskshim run --keep --id $id --memory 16m --memory-swap 16m -- /bin/sh -c 'tail /dev/zero; exit 0'
	expect status 0 "$status"
	status taskshim wait $id
	expect oomKilled False "$(field "$output" '["oomKilled"]')"
	expect oomKills 1 "$(field "$output" '["oomKills"]')"
	taskshim delete $id
}

test_oom_kill_is_seen_in_memory_events_while_the_task_runs()
{
	counted()
	{
		grep -qx 'oom_kill 1' "$cgroups/taskshim/$id/memory.events"
	}
	taskshim run -d --id $id --memory 16m --memory-swap 16m -- /bin/sh -c 'tail /dev/zero; exec sleep 1000' >/dev/null
	wait_for 'an OOM kill' counted
	expect status running "$(field "$(taskshim state $id)" '["status"]')"
	taskshim delete --force $id
}

# --- killing ---

# The processes of the task's cgroup, one a line.
processes()
{
	cat "$cgroups/taskshim/$id/cgroup.procs"
}

has_processes()
{
	[ "$(processes | wc -l)" -ge "$1" ]
}

gone()
{
	[ ! -e "$cgroups/taskshim/$id" ] || grep -qx 'populated 0' "$cgroups/taskshim/$id/cgroup.events"
}

# Without a pid namespace that would take them along.
test_stop_kills_the_tree_by_cgroup_kill()
{
	taskshim run -d --id $id --pid host -- /bin/sh -c \
		'trap "" TERM; for i in 1 2 3; do setsid sh -c "trap \"\" TERM; sleep 1000; :" & done; wait; sleep 1000' >/dev/null
	wait_for 'seven processes' has_processes 7
	strace -f -o "$scratch/trace" -e trace=openat taskshim stop --time 100ms $id
	grep -q 'cgroup\.kill.*= [0-9]' "$scratch/trace" || fail "cgroup.kill was not written: $(<"$scratch/trace")"
	gone || fail "left: $(processes)"
	status taskshim wait $id
	expect cause stopped "$(field "$output" '["cause"]')"
	expect signal 9 "$(field "$output" '["signal"]')"
	taskshim delete $id
}

test_strays_end_with_the_command()
{
	status taskshim run --keep --id $id --pid host -- /bin/sh -c 'setsid sleep 1000 & setsid sleep 1000 & exit 7'
	expect status 7 "$status"
	gone || fail "left: $(processes)"
	taskshim delete $id
}

test_a_fork_bomb_is_stopped()
{
	taskshim run -d --id $id --pid host --pids-limit 60 -- /bin/sh -c 'bomb() { bomb | bomb & wait; }; while :; do bomb; done' >/dev/null 2>&1
	wait_for 'twenty processes' has_processes 20
	status taskshim stop --time 10ms $id
	expect "status of stop: $errors" 0 "$status"
	gone || fail "left: $(processes)"
	taskshim delete $id
}

test_a_frozen_task_is_stopped()
{
	frozen()
	{
		grep -qx 'frozen 1' "$cgroups/taskshim/$id/cgroup.events"
	}
	taskshim run -d --id $id -- /bin/sleep 1000 >/dev/null
	echo 1 >"$cgroups/taskshim/$id/cgroup.freeze"
	wait_for 'frozen' frozen
	status taskshim stop --time 100ms $id
	expect "status of stop: $errors" 0 "$status"
	gone || fail "left: $(processes)"
	status taskshim wait $id
	expect signal 9 "$(field "$output" '["signal"]')"
	taskshim delete $id
}

test_a_frozen_task_goes_on_when_thawed()
{
	taskshim run -d --id $id -- /bin/sh -c 'while [ ! -e /tmp/go ]; do sleep 0.1; done; exit 3' >/dev/null
	echo 1 >"$cgroups/taskshim/$id/cgroup.freeze"
	status taskshim wait --timeout 1s $id
	expect 'wait gives up on a frozen task' 124 "$status"
	touch "/proc/$(field "$(taskshim state $id)" '["pid"]')/root/tmp/go"
	echo 0 >"$cgroups/taskshim/$id/cgroup.freeze"
	status taskshim wait $id
	expect status 3 "$status"
	taskshim delete $id
}

# --- where cgroups are ---

test_monitor_is_in_a_cgroup_of_its_own()
{
	taskshim run -d --id $id --memory 64m -- /bin/sleep 1000 >/dev/null
	local state
	state=$(taskshim state $id)
	expect task "0::/taskshim/$id" "$(<"/proc/$(field "$state" '["pid"]')/cgroup")"
	expect monitor 0::/taskshim/monitors "$(<"/proc/$(field "$state" '["taskshim"]["monitorPid"]')/cgroup")"
	taskshim delete --force $id
	[ ! -e $cgroups/taskshim ] || fail "left: $(find $cgroups/taskshim -type d)"
}

test_controllers_are_enabled_down_a_path()
{
	make_bundle 'c.setdefault("linux", {}).update(cgroupsPath="/vm-a/b/c/task", resources={"memory": {"limit": 1 << 26}, "pids": {"limit": 9}})'
	echo '-memory -pids' >$cgroups/cgroup.subtree_control # also where it begins
	status taskshim run -d -b "$scratch/bundle" $id
	expect "status: $errors" 0 "$status"
	expect memory.max 67108864 "$(<$cgroups/vm-a/b/c/task/memory.max)"
	expect pids.max 9 "$(<$cgroups/vm-a/b/c/task/pids.max)"
	expect 'of the task' '' "$(<$cgroups/vm-a/b/c/task/cgroup.subtree_control)"
	taskshim delete --force $id
	[ ! -e $cgroups/vm-a ] || fail "left: $(find $cgroups/vm-a -type d)"
}

# A cgroup namespace whose root has no controllers to give: as in a container.
in_narrow_namespace()
{
	mkdir -p $cgroups/vm-narrow/inner
	# shellcheck disable=SC2016 # the inner shells expand them
	status sh -c 'echo 0 >/sys/fs/cgroup/vm-narrow/inner/cgroup.procs
		exec unshare -mC sh -c "umount /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup && exec \"\$@\"" - "$@"' - "$@"
	rmdir $cgroups/vm-narrow/inner $cgroups/vm-narrow
}

test_without_controllers_a_task_runs()
{
	in_narrow_namespace sh -c "taskshim run --keep --id $id -- /bin/echo ran && taskshim wait $id && taskshim delete $id"
	expect "status: $errors" 0 "$status"
	expect 'first line' ran "${output%%$'\n'*}"
	expect oomKills None "$(field "${output#*$'\n'}" '["oomKills"]')"
	expect peak None "$(field "${output#*$'\n'}" '["usage"]["memoryPeakBytes"]')"
}

test_a_limit_without_its_controller_is_explained()
{
	in_narrow_namespace taskshim run --id $id --memory 16m -- /bin/echo ran
	expect status 125 "$status"
	expect output '' "$output"
	expect_in errors 'cgroup: controller memory is not available in' "$errors"
}

# --- where a task cannot be ---

test_a_cgroup_that_has_processes_gives_no_controllers()
{
	local pid
	mkdir $cgroups/vm-inner
	sleep 1000 &
	pid=$!
	echo $pid >$cgroups/vm-inner/cgroup.procs
	make_bundle 'c.setdefault("linux", {}).update(cgroupsPath="/vm-inner/task", resources={"memory": {"limit": 1 << 26}})'
	status taskshim run -b "$scratch/bundle" $id
	kill $pid
	wait $pid || true
	expect status 125 "$status"
	expect_in errors 'controller memory is not available in /sys/fs/cgroup/vm-inner/task' "$errors"
	wait_for 'empty' rmdir $cgroups/vm-inner 2>/dev/null
}

test_an_inner_cgroup_is_explained()
{
	mkdir -p $cgroups/vm-inner/child
	echo +memory >$cgroups/vm-inner/cgroup.subtree_control
	make_bundle 'c["taskshim"]["cgroup"] = {"unified": "/sys/fs/cgroup/vm-inner"}'
	status=0
	spawn-daemon --no-gate <"$scratch/bundle/config.json" >"$scratch/out" || status=$?
	rmdir $cgroups/vm-inner/child $cgroups/vm-inner
	expect status 125 "$status"
	expect step cgroup "$(field "$(<"$scratch/out")" '["step"]')"
	expect code EBUSY "$(field "$(<"$scratch/out")" '["code"]')"
	expect_in message 'inner node' "$(<"$scratch/out")"
}

test_a_threaded_cgroup_is_explained()
{
	mkdir -p $cgroups/vm-threaded/child
	echo threaded >$cgroups/vm-threaded/child/cgroup.type
	make_bundle 'c.setdefault("linux", {}).update(cgroupsPath="/vm-threaded/task")'
	status taskshim run -b "$scratch/bundle" $id
	rmdir $cgroups/vm-threaded/child $cgroups/vm-threaded
	expect status 125 "$status"
	expect_in errors 'threaded' "$errors"
}

run_tests
