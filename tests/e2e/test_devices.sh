#!/usr/bin/env bash
# Devices of a task and the rules that say which it may open: --device, linux.devices, linux.resources.devices, on whatever
# cgroups this machine has (v1: devices.allow and devices.deny; v2: a program).
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

v2=$([ "$(stat -f -c %T /sys/fs/cgroup)" != cgroup2fs ] || echo yes)

# kmsg is a device that root may open for writing, and that is not among the default ones.
need_kmsg()
{
	[ -c /dev/kmsg ] || skip 'no /dev/kmsg'
	(: >/dev/kmsg) 2>/dev/null || skip '/dev/kmsg cannot be opened'
}

# run ARGUMENT...: as root in the task
run()
{
	status taskshim run --user root "$@"
}

# bundle DEVICE-RULES CAPABILITIES COMMAND: runs COMMAND as root with /dev/kmsg in linux.devices, from a bundle
bundle()
{
	rm -rf "$scratch/bundle"
	mkdir -p "$scratch/bundle"
	cat >"$scratch/bundle/config.json" <<-END
		{"ociVersion": "1.2.0",
		 "process": {"args": ["/bin/sh", "-c", "$3"], "cwd": "/", "env": ["PATH=/bin:/usr/bin"],
		  "user": {"uid": 0, "gid": 0}, "capabilities": {"bounding": [$2], "effective": [$2], "permitted": [$2]}},
		 "linux": {"devices": [{"path": "/dev/kmsg", "type": "c", "major": 1, "minor": 11}],
		  "resources": {"devices": $1}},
		 "taskshim": {"chroot": "host"}}
	END
	status taskshim run -b "$scratch/bundle" "e2e-devices-$$"
}

test_run_device_is_the_hosts_with_its_owner_and_mode()
{
	mknod -m 0604 "$scratch/zero" c 1 5
	chown 3:4 "$scratch/zero"
	run --device "$scratch/zero:/dev/mine" --device "$scratch/zero:/else/where" -- \
		/bin/sh -c 'stat -c "%n %A %u:%g %t:%T" /dev/mine /else/where; head -c 4 /dev/mine | od -An -tx1'
	expect "status: $errors" 0 "$status"
	expect output "/dev/mine crw----r-- 3:4 1:5
/else/where crw----r-- 3:4 1:5
 00 00 00 00" "$output"
	[ ! -e /dev/mine ] || fail 'it is on the host'
}

test_run_device_allows_what_its_letters_say()
{
	need_kmsg
	run --device /dev/kmsg -- /bin/sh -c ': >/dev/kmsg'
	expect "all: $errors" 0 "$status"
	run --device /dev/kmsg:/dev/other:w -- /bin/sh -c ': >/dev/other'
	expect "w: $errors" 0 "$status"
	run --device /dev/kmsg:r -- /bin/sh -c ': >/dev/kmsg'
	[ "$status" != 0 ] || fail 'written with r alone'
	expect_in errors 'Operation not permitted' "$errors"
	run --device /dev/kmsg:/dev/other:rm -- /bin/sh -c ': >/dev/other'
	[ "$status" != 0 ] || fail 'written with rm alone'
}

test_run_device_takes_a_directory()
{
	mkdir -p "$scratch/dev/sub"
	mknod -m 0666 "$scratch/dev/a" c 1 5
	mknod -m 0666 "$scratch/dev/sub/b" c 1 7
	touch "$scratch/dev/file"
	ln -s a "$scratch/dev/link"
	status taskshim run --device "$scratch/dev:/dev/all" -- \
		/bin/sh -c 'cd /dev/all; find . ! -type d | sort | xargs; head -c 2 a | od -An -tx1; echo x | cat >sub/b'
	expect output "./a ./sub/b
 00 00" "$output"
	expect_in errors 'No space left' "$errors"
}

test_run_device_refuses_what_is_no_device()
{
	local value
	mkdir "$scratch/empty"
	for value in /etc/passwd /not-there "$scratch/empty" dev/null /dev/null:dev/x /dev/null:/x:q /dev/null:/x:r:w; do
		status taskshim run --device "$value" -- /bin/true
		expect "status of $value" 125 "$status"
		expect_in "errors of $value" "$value" "$errors"
	done
	status taskshim run --chroot none --device /dev/null -- /bin/true
	expect status 125 "$status"
}

# Guarantee 5: whoever can make devices gets a device cgroup, asked for or not.
test_a_task_that_can_make_devices_cannot_open_them()
{
	need_kmsg
	run --cap-add CAP_MKNOD --mount type=tmpfs,target=/x,dev -- /bin/sh -c \
		'cd /x; mknod k c 1 11 && mknod z c 1 5 && mknod b b 7 0 && head -c 1 z | od -An -tx1; (: >k); head -c 1 b'
	expect output ' 00' "$output"
	expect_in errors 'cannot create k: Operation not permitted' "$errors"
	expect_in errors "cannot open 'b' for reading: Operation not permitted" "$errors"
}

test_a_task_that_cannot_make_them_gets_no_device_cgroup()
{
	[ -z "$v2" ] || skip 'v1 has one to look at'
	status taskshim run -- /bin/cat /proc/self/cgroup
	! grep -q ':devices:/taskshim' <<<"$output" || fail 'it has one'
	status taskshim run --cap-add CAP_MKNOD -- /bin/cat /proc/self/cgroup
	grep -q ':devices:/taskshim' <<<"$output" || fail 'it has none'
}

test_rules_of_a_bundle()
{
	need_kmsg
	local write=': >/dev/kmsg'
	bundle '[{"allow": false, "access": "rwm"}]' '' "$write"
	[ "$status" != 0 ] || fail 'opened without a rule'
	bundle '[{"allow": false}, {"allow": true, "type": "c", "major": 1, "minor": 11, "access": "w"}]' '' "$write"
	expect "rule: $errors" 0 "$status"
	bundle '[{"allow": true, "type": "c", "major": 1, "access": "rw"}]' '' "$write"
	expect "wildcard: $errors" 0 "$status"
	bundle '[{"allow": true, "access": "rwm"}]' '"CAP_MKNOD"' "$write"
	expect "everything: $errors" 0 "$status"
	bundle '[{"allow": true}, {"allow": false, "type": "c", "major": 1, "minor": 11}]' '' "$write"
	[ "$status" != 0 ] || fail 'opened against a rule'
	bundle '[{"allow": true, "type": "c", "major": 1, "minor": 11}, {"allow": false}]' '' "$write"
	[ "$status" != 0 ] || fail 'the last rule does not count'
	bundle '[]' '' "$write"
	expect "no rules: $errors" 0 "$status"
	bundle '[]' '"CAP_MKNOD"' "$write"
	[ "$status" != 0 ] || fail 'no rules, but it could make devices'
}

# v1 has no way to say it, and would keep silent.
test_a_hole_in_a_rule()
{
	need_kmsg
	bundle '[{"allow": true, "type": "c", "major": 1}, {"allow": false, "type": "c", "major": 1, "minor": 11}]' '' \
		': >/dev/null; : >/dev/kmsg'
	[ "$status" != 0 ] || fail 'opened'
	if [ -n "$v2" ]; then
		expect_in errors 'Operation not permitted' "$errors"
	else
		expect_in errors 'linux.resources.devices: [1]' "$errors"
	fi
}

test_the_files_of_v1_say_the_same()
{
	[ -z "$v2" ] || skip 'v2 has no such files'
	taskshim run -d --id "e2e-list-$$" --device /dev/null:/dev/x:r --device /dev/zero:/dev/z:w -- /bin/sleep 100 >/dev/null
	expect devices.list 'b *:* m
c *:* m
c 10:200 rwm
c 136:* rwm
c 1:3 rwm
c 1:5 rwm
c 1:7 rwm
c 1:8 rwm
c 1:9 rwm
c 5:0 rwm
c 5:2 rwm' "$(LC_ALL=C sort "/sys/fs/cgroup/devices/taskshim-e2e-list-$$/devices.list")"
	taskshim delete --force "e2e-list-$$"
	[ ! -e /sys/fs/cgroup/devices/taskshim-e2e-list-$$ ] || fail 'the cgroup is left'
}

test_without_cgroups_no_task_may_make_devices()
{
	status taskshim --cgroup-manager disabled run --cap-add CAP_MKNOD -- /bin/true
	expect status 125 "$status"
	expect_in errors CAP_MKNOD "$errors"
	status taskshim --cgroup-manager disabled run -- /bin/true
	expect "status: $errors" 0 "$status"
}

test_explain_shows_the_rules()
{
	echo '{"process":{"args":["x"]},"linux":{"resources":{"devices":[{"allow":false}]}},"taskshim":{"chroot":"host"}}' >"$scratch/c.json"
	status taskshim explain "$scratch/c.json"
	if [ -n "$v2" ]; then
		expect_in explain '11 device rules, then deny the rest' "$output"
	else
		expect_in explain 'write "a" to /sys/fs/cgroup/devices/taskshim-ID/devices.deny' "$output"
	fi
}

# Type cgroup of mounts[]: the task's own cgroups and nothing else of the host's.
test_cgroup_mount_shows_the_tasks_own()
{
	local options want
	for options in '"ro"' '"rw"'; do
		cat >"$scratch/config.json" <<-END
			{"ociVersion": "1.2.0",
			 "process": {"args": ["/bin/sh", "-c", "cd /cg; echo \$(find . -name cgroup.procs | sort); mkdir y; for d in */; do [ ! -d \$d ] || mkdir \$d/y; done; cat /proc/self/mountinfo"],
			  "cwd": "/", "env": ["PATH=/bin:/usr/bin"], "user": {"uid": 0, "gid": 0}},
			 "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/cg", "type": "cgroup", "options": [$options]}],
			 "linux": {"namespaces": [{"type": "mount"}, {"type": "cgroup"}, {"type": "pid"}], "resources": {"pids": {"limit": 50}}},
			 "taskshim": {"chroot": "host"}}
		END
		mkdir -p "$scratch/b"
		mv "$scratch/config.json" "$scratch/b"
		status taskshim run -b "$scratch/b" "e2e-cg-$$"
		if [ -n "$v2" ]; then
			expect 'hierarchies' ./cgroup.procs "$(sed -n 1p <<<"$output")"
		else
			want='./memory/cgroup.procs ./pids/cgroup.procs'
			[ ! -d /sys/fs/cgroup/unified ] || want+=' ./unified/cgroup.procs'
			[ -d /sys/fs/cgroup/unified ] || want="./freezer/cgroup.procs $want"
			expect 'hierarchies' "$want" "$(sed -n 1p <<<"$output")"
		fi
		grep -q ' /cg .*nosuid,nodev,noexec' <<<"$output" || fail "no such mount: $output"
		if [ "$options" = '"ro"' ]; then
			expect_in errors Read-only "$errors"
			! grep -qv Read-only <<<"$errors" || fail "$errors"
			grep -q ' /cg.* ro,' <<<"$output" || fail "not read-only: $output"
		else
			expect errors '' "$errors"
		fi
	done
}

run_tests
