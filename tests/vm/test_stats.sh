#!/usr/bin/env bash
# `taskshim stats` and `events` where cgroup v2 has every controller: each number is known, and agrees with its file.
. "$(dirname "$0")/lib.sh"

# number PATH: of the task's JSON, "null" where it is not known
number()
{
	taskshim stats -f json $id | python3 -c 'import json, sys
value = json.load(sys.stdin)
for key in sys.argv[1].split("."):
    value = value[int(key) if isinstance(value, list) else key]
print("null" if value is None else value)' "$1"
}

# starts a task with a limit of each controller
start()
{
	status taskshim run -d --id $id --memory 64m --memory-swap 96m --cpus 0.5 --pids-limit 17 --blkio-weight 500 "$@"
	expect "status ($errors)" 0 "$status"
}

test_limits_and_counters_agree_with_their_files()
{
	local pair file=$cgroups/taskshim/$id
	start -- /bin/sleep 1000
	for pair in memory.limit:memory.max memory.swap:memory.swap.current pids.current:pids.current pids.limit:pids.max; do
		expect "${pair%:*}" "$(<"$file/${pair#*:}")" "$(number "${pair%:*}")"
	done
	expect memory.swapLimit 33554432 "$(number memory.swapLimit)"
	expect memory.kernel "$(sed -n 's/^kernel //p' "$file/memory.stat")" "$(number memory.kernel)"
	expect memory.rss "$(sed -n 's/^anon //p' "$file/memory.stat")" "$(number memory.rss)"
	expect memory.oomKills 0 "$(number memory.oomKills)"
	expect 'what v2 does not keep' null "$(number memory.maxKernel)"
	taskshim delete --force $id
}

test_no_number_is_unknown_but_those_that_v2_does_not_keep()
{
	local unknown wanted=memory.maxKernel
	start -- /bin/sh -c 'while :; do :; done'
	[ -e $cgroups/taskshim/$id/memory.peak ] || wanted="memory.maxUsage $wanted" # Linux 5.19
	unknown=$(taskshim stats -f json $id | python3 -c 'import json, sys
stats = json.load(sys.stdin)
print(*(f"{group}.{key}" for group in ("memory", "cpu", "pids", "pressure") for key, value in stats[group].items() if value is None))')
	expect 'what is unknown' "$wanted" "$unknown"
	taskshim delete --force $id
}

test_throttling()
{
	throttled()
	{
		[ "$(number cpu.throttledPeriods)" -gt 2 ]
	}
	start -- /bin/sh -c 'while :; do :; done'
	wait_for throttled throttled
	[ "$(number cpu.throttledNs)" -gt 0 ] || fail "no throttled time"
	taskshim delete --force $id
}

test_disk_traffic()
{
	local device
	[ -e /dev/ram0 ] || busybox insmod "$(find /run/vm/modules -name 'brd.ko*')" rd_nr=1 rd_size=8192
	wait_for 'the RAM disk' test -b /dev/ram0
	device=$((0x$(stat -c %t /dev/ram0))):$((0x$(stat -c %T /dev/ram0)))
	# shellcheck disable=SC2016 # the task expands it
	start --user root --device /dev/ram0 --mount "$scratch:/w" -- /bin/sh -c \
		'dd if=/dev/zero of=/dev/ram0 bs=64k count=32 oflag=direct; dd if=/dev/ram0 of=/dev/null bs=64k count=16 iflag=direct
		> /w/done; exec sleep 1000'
	wait_for 'the traffic' test -e "$scratch/done"
	expect device "$device" "$(number io.0.device)"
	[ "$(number io.0.wbytes)" -ge 2097152 ] || fail "written: $(number io.0.wbytes)"
	[ "$(number io.0.rbytes)" -ge 1048576 ] || fail "read: $(number io.0.rbytes)"
	[ "$(number io.0.wios)" -ge 32 ] || fail "writes: $(number io.0.wios)"
	expect rbytes "$(sed -n "s/^$device rbytes=\([0-9]*\) .*/\1/p" $cgroups/taskshim/$id/io.stat)" "$(number io.0.rbytes)"
	expect_in event '"op":"Write","value":' "$(taskshim events --stats $id)"
	taskshim delete --force $id
}

test_oom_kill()
{
	# shellcheck disable=SC2016 # the task expands it
	start -- /bin/sh -c 'sleep 1; python3 -c "
x = []
while True: x.append(bytearray(1 << 20))"; exec sleep 1000'
	taskshim events --interval 1h $id >"$scratch/events" &
	wait_for 'the event' grep -qx "{\"type\":\"oom\",\"id\":\"$id\"}" "$scratch/events"
	expect memory.oomKills 1 "$(number memory.oomKills)"
	[ "$(number memory.limitHits)" -gt 0 ] || fail "the limit was never hit"
	taskshim delete --force $id
	wait
	expect events 1 "$(wc -l <"$scratch/events")"
}

run_tests
