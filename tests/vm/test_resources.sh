#!/usr/bin/env bash
# linux.resources where a machine is made for it: huge pages that are refused, files of v2 that no field of v1 has, controllers
# that are switched on for an update, and a hybrid layout whose v1 hierarchies are those of network alone, mounted together.
. "$(dirname "$0")/lib.sh"

# with_resources JSON COMMAND...: a bundle's task with them in the foreground
with_resources()
{
	local resources=$1
	shift
	make_bundle "c.setdefault('linux', {})['resources'] = $resources; c['process']['args'] = $(printf '%s\n' "$@" |
		python3 -c 'import sys; print(sys.stdin.read().splitlines())')"
	status taskshim run -b "$scratch/bundle" $id
}

test_hugepages_are_refused()
{
	mkdir -p "$scratch/dir/local"
	echo 8 >/proc/sys/vm/nr_hugepages
	[ "$(</proc/sys/vm/nr_hugepages)" = 8 ] || skip 'no memory for huge pages'
	printf '%s\n' 'import mmap' 'try:' '  print(len(mmap.mmap(-1, 6 << 20, flags=0x40022)))' 'except OSError as e:' '  print(e.errno)' >"$scratch/dir/local/take.py"
	make_bundle "c.setdefault('linux', {})['resources'] = {'hugepageLimits': [{'pageSize': '2MB', 'limit': 8 << 20}]}
c['process']['args'] = ['/usr/bin/python3', '/local/take.py']
c['taskshim']['taskDir'] = '$scratch/dir'"
	status taskshim run -b "$scratch/bundle" $id
	expect "six of eight MB ($errors)" 6291456 "$output"
	sed -i 's/8388608/4194304/' "$scratch/bundle/config.json"
	status taskshim run -b "$scratch/bundle" $id
	echo 0 >/proc/sys/vm/nr_hugepages
	expect "six of four MB: ENOMEM ($errors)" 12 "$output"
}

test_unified_files_of_every_controller()
{
	make_bundle "c.setdefault('linux', {})['resources'] = {'unified': {'memory.high': '33554432', 'cpu.weight': '7', 'cpuset.cpus': '0',
	'io.weight': 'default 33', 'pids.max': '9', 'memory.oom.group': '1', 'cgroup.max.depth': '1'}, 'memory': {'limit': 1 << 26}}"
	taskshim run -d -b "$scratch/bundle" $id >/dev/null
	local pair
	for pair in memory.high=33554432 cpu.weight=7 cpuset.cpus=0 'io.weight=default 33' pids.max=9 memory.oom.group=1 \
		cgroup.max.depth=1 memory.max=67108864; do
		expect "${pair%%=*}" "${pair#*=}" "$(<"$cgroups/taskshim/$id/${pair%%=*}")"
		expect "${pair%%=*} in the state" "${pair#*=}" "$(field "$(taskshim state $id)" "['taskshim']['limits']['${pair%%=*}']")"
	done
	taskshim delete --force $id
}

test_rdma_without_a_device()
{
	with_resources "{'rdma': {'mlx5_0': {'hcaHandles': 2}}}" /bin/true
	expect status 125 "$status"
	expect_in errors 'linux.resources.rdma: write "mlx5_0 hca_handle=2" to' "$errors"
}

# The task was started without any limit: its cgroup has no cpu controller until then.
test_update_switches_controllers_on()
{
	taskshim run -d --id $id -- /bin/sleep 1000 >/dev/null
	[ ! -e "$cgroups/taskshim/$id/cpu.max" ] || fail 'the controller is there without being asked for'
	taskshim update --cpu-quota 30000 --cpu-share 512 --cpuset-cpus 0 --blkio-weight 500 --pids-limit 11 $id
	expect cpu.max '30000 100000' "$(<"$cgroups/taskshim/$id/cpu.max")"
	expect cpu.weight 20 "$(<"$cgroups/taskshim/$id/cpu.weight")"
	expect cpuset.cpus 0 "$(<"$cgroups/taskshim/$id/cpuset.cpus")"
	expect io.weight 'default 4950' "$(<"$cgroups/taskshim/$id/io.weight")"
	expect pids.max 11 "$(<"$cgroups/taskshim/$id/pids.max")"
	status taskshim update --cpu-rt-runtime 1000 $id
	expect_in errors 'linux.resources.cpu.realtimeRuntime: cgroup v2 has none' "$errors"
	taskshim delete --force $id
}

# in_hybrid COMMAND...: where cgroup2 is at unified, and net_cls and net_prio are one hierarchy of v1
in_hybrid()
{
	# shellcheck disable=SC2016 # the inner shell expands them
	status unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup && cd /sys/fs/cgroup &&
		mkdir unified net_cls,net_prio && ln -s net_cls,net_prio net_cls && ln -s net_cls,net_prio net_prio &&
		mount -t cgroup2 none unified && mount -t cgroup -o net_cls,net_prio none net_cls,net_prio || exit 99
		cd / && exec "$@"' - "$@"
}

# A hierarchy of v1 stays until it is unmounted at a time when the kernel has forgotten all that was in it.
hierarchy_is_gone()
{
	unshare -m sh -c 'mount -t cgroup -o net_cls,net_prio none /mnt && umount /mnt' || true
	! grep -q net_cls /proc/self/cgroup
}

test_network_in_a_hybrid_layout()
{
	make_bundle "c.setdefault('linux', {})['resources'] = {'network': {'classID': 0x100001, 'priorities': [{'name': 'lo', 'priority': 5}]},
	'memory': {'limit': 1 << 26}}"
	in_hybrid sh -c "taskshim run -d -b $scratch/bundle $id >/dev/null && cd /sys/fs/cgroup && cat net_cls/taskshim-$id/net_cls.classid &&
		grep lo net_cls/taskshim-$id/net_prio.ifpriomap && cat unified/taskshim/$id/memory.max && taskshim state $id &&
		taskshim delete --force $id && { [ ! -e net_cls/taskshim-$id ] || echo left; }"
	wait_for 'the hierarchy is gone' hierarchy_is_gone
	[ "$status" != 99 ] || skip 'this kernel has no net_cls or net_prio'
	expect "status: $errors" 0 "$status"
	expect 'class, priority, memory in the other hierarchy' $'1048577\nlo 5\n67108864' "$(head -n 3 <<<"$output")"
	expect_in 'the state' '"net_prio.ifpriomap": "lo 5"' "$output"
	[ "${output##*$'\n'}" != left ] || fail 'the parent is left'
}

run_tests
