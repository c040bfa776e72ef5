#!/usr/bin/env bash
# Each limit of `taskshim run`, written to a real controller of cgroup v2 and read back, and held by the kernel.
. "$(dirname "$0")/lib.sh"

# limits FLAG... : FILE=VALUE...: what the cgroup of a task with these flags says
limits()
{
	local flags=() pair
	while [ "$1" != : ]; do
		flags+=("$1")
		shift
	done
	shift
	status taskshim run -d --id $id "${flags[@]}" -- /bin/sleep 1000
	expect "status (${flags[*]}: $errors)" 0 "$status"
	expect "errors (${flags[*]})" '' "$errors"
	for pair in "$@"; do
		expect "${pair%%=*} (${flags[*]})" "${pair#*=}" "$(<"$cgroups/taskshim/$id/${pair%%=*}")"
	done
	taskshim delete --force $id
}

test_no_limit_is_set_without_flags()
{
	limits : memory.max=max memory.swap.max=max memory.low=0 pids.max=max
}

test_memory()
{
	limits --memory 64m : memory.max=67108864 memory.swap.max=max
	limits --memory 64m --memory-swap 96m : memory.max=67108864 memory.swap.max=33554432
	limits --memory 64m --memory-swap 64m : memory.max=67108864 memory.swap.max=0
	limits --memory 64m --memory-swap -1 : memory.max=67108864 memory.swap.max=max
	limits --memory -1 : memory.max=max
}

test_cpu()
{
	limits --cpus 1.5 : cpu.max='150000 100000'
	limits --cpus 0.01 : cpu.max='1000 100000'
	limits --cpu-shares 1024 : cpu.weight=39
	limits --cpu-shares 2 : cpu.weight=1
	limits --cpu-shares 262144 : cpu.weight=10000
	limits --cpus 0.5 --cpu-shares 512 : cpu.max='50000 100000' cpu.weight=20
}

test_pids()
{
	limits --pids-limit 17 : pids.max=17
	limits --pids-limit -1 : pids.max=max
}

test_all_at_once()
{
	limits --memory 32m --cpus 2 --cpu-shares 2048 --pids-limit 8 --blkio-weight 1000 : memory.max=33554432 \
		cpu.max='200000 100000' cpu.weight=79 pids.max=8 io.weight='default 10000'
}

# io.weight is iocost's and always there; bfq brings a file of its own, with the range of v1.
test_io_weight()
{
	[ ! -e $cgroups/taskshim/io.bfq.weight ] || fail "bfq is loaded already"
	limits --blkio-weight 10 : io.weight='default 1'
	limits --blkio-weight 500 : io.weight='default 4950'
	busybox insmod "$(find /run/vm/modules -name 'bfq.ko*')"
	limits --blkio-weight 500 : io.bfq.weight='default 500' io.weight='default 100'
	busybox rmmod bfq
}

test_limits_that_no_flag_has()
{
	make_bundle 'c.setdefault("linux", {})["resources"] = {"memory": {"limit": 1 << 26, "reservation": 1 << 25}, "cpu": {"period": 50000}}'
	taskshim run -d -b "$scratch/bundle" $id >/dev/null
	expect memory.max 67108864 "$(<"$cgroups/taskshim/$id/memory.max")"
	expect memory.low 33554432 "$(<"$cgroups/taskshim/$id/memory.low")"
	expect cpu.max 'max 50000' "$(<"$cgroups/taskshim/$id/cpu.max")"
	taskshim delete --force $id
}

test_pids_limit_holds()
{
	# shellcheck disable=SC2016 # the task expands it
	status taskshim run --id $id --pids-limit 5 -- /bin/sh -c 'for i in 1 2 3 4 5 6 7 8; do sleep 1000 & done; echo all'
	expect_in errors 'annot fork' "$errors"
	[ "$output" != all ] || fail "eight processes where five are allowed"
}

test_cpu_limit_holds()
{
	throttled()
	{
		grep -qE '^nr_throttled [1-9]' "$cgroups/taskshim/$id/cpu.stat"
	}
	taskshim run -d --id $id --cpus 0.1 -- /bin/sh -c 'while :; do :; done' >/dev/null
	wait_for 'throttled' throttled
	taskshim delete --force $id
}

run_tests
