#!/usr/bin/env bash
# An ordinary user: uid 12345, who has no entry anywhere, by way of setpriv(1). Nothing of it stays on the machine.
. "$(dirname "$0")/lib.sh"

uid=12345
# where this user can execute them, and nobody else's state is
mkdir "$scratch/bin" "$scratch/work"
cp "$build/taskshim" "$build/spawn-daemon" "$scratch/bin"
mkdir -m 0700 "$scratch/run"
chown $uid:$uid "$scratch/run" "$scratch/work"
export SPAWN_DAEMON=

as_user()
{
	env PATH="$scratch/bin:/usr/bin:/bin" XDG_RUNTIME_DIR="$scratch/run" USER=somebody \
		setpriv --reuid $uid --regid $uid --clear-groups -- "$@"
}

# taskshim as the user. Without cgroups to make it warns each time: that is looked at once.
user_taskshim()
{
	as_user taskshim --cgroup-manager disabled "$@"
}

as_user unshare -U /bin/true || {
	echo 'SKIP: this machine gives ordinary users no user namespaces'
	echo '0 passed, 0 failed, 1 skipped'
	exit 0
}

nothing_is_left()
{
	expect 'state directories' '' "$(ls -A "$scratch/run/taskshim")"
	expect tasks '' "$(user_taskshim list -q)"
}

test_run_is_the_user_himself()
{
	status user_taskshim run --mount "$scratch/work:/w" -- /bin/sh -c \
		'id -u; id -g; echo $USER; cat /proc/self/uid_map /proc/self/gid_map; cat /proc/self/setgroups; touch /w/file'
	expect status 0 "$status"
	expect errors '' "$errors"
	expect output "$(printf '%s\n%s\nsomebody\n%10d %10d %10d\n%10d %10d %10d\ndeny' $uid $uid $uid $uid 1 $uid $uid 1)" "$output"
	expect owner "$uid:$uid" "$(stat -c %u:%g "$scratch/work/file")"
	nothing_is_left
}

test_run_is_as_isolated_as_roots()
{
	local n
	status user_taskshim run -- /bin/sh -c 'for n in pid ipc uts mnt user net; do readlink /proc/self/ns/$n; done; ls /; grep -c . /proc/self/mountinfo'
	expect status 0 "$status"
	for n in pid ipc uts mnt user; do
		! grep -qxF "$(readlink /proc/self/ns/$n)" <<<"$output" || fail "$n is the host's"
	done
	grep -qxF "$(readlink /proc/self/ns/net)" <<<"$output" || fail "net is not the host's"
	for n in home root boot work; do
		! grep -qx $n <<<"$output" || fail "/$n of the host is in the task's root"
	done
	status user_taskshim run -- /bin/grep -E 'Cap(Prm|Eff|Bnd|Amb)|NoNewPrivs' /proc/self/status
	expect privileges "$(printf 'CapPrm:\t%016d\nCapEff:\t%016d\nCapBnd:\t%016d\nCapAmb:\t%016d\nNoNewPrivs:\t1' 0 0 0 0)" "$output"
	status user_taskshim run -- /bin/sh -c 'for d in /usr /etc /bin /proc/sys /sys; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/x /run/x'
	expect 'writable directories' '' "$output"
	status user_taskshim run --net none -- /bin/sh -c 'grep -c lo: /proc/net/dev; grep -vc lo: /proc/net/dev'
	expect 'network devices' "$(printf '1\n2')" "$output"
	nothing_is_left
}

test_run_as_root_of_the_namespace()
{
	status user_taskshim run --user 0 --mount "$scratch/work:/w" --cap-add NET_ADMIN --net none -- /bin/sh -c \
		'id -u; id -g; touch /w/by-root; grep CapEff /proc/self/status; exit 3'
	expect status 3 "$status"
	expect output "$(printf '0\n0\nCapEff:\t0000000000001000')" "$output"
	expect owner "$uid:$uid" "$(stat -c %u:%g "$scratch/work/by-root")"
	status user_taskshim run --user 7:8 -- /bin/sh -c 'id -u; id -g'
	expect ids "$(printf '7\n8')" "$output"
	status user_taskshim run --user daemon -- /bin/true
	expect status 125 "$status"
	expect_in errors '/etc/subuid and /etc/subgid must give you ids' "$errors"
	nothing_is_left
}

# Private copies of three files, for one command: newuidmap(1) wants to know the user's name.
with_ranges()
{
	echo "somebody:200000:65536" >"$scratch/subid"
	(cat /etc/passwd && echo "somebody:x:$uid:$uid::/:/bin/sh") >"$scratch/passwd"
	unshare -m -- /bin/sh -c 'mount --bind "$0/subid" /etc/subuid && mount --bind "$0/subid" /etc/subgid &&
		mount --bind "$0/passwd" /etc/passwd && exec "$@"' "$scratch" \
		env PATH="$scratch/bin:/usr/bin:/bin" XDG_RUNTIME_DIR="$scratch/run" \
		setpriv --reuid $uid --regid $uid --clear-groups -- taskshim --cgroup-manager disabled "$@"
}

test_run_with_ranges_of_subuid()
{
	if [ ! -e /etc/subuid ] || [ ! -e /etc/subgid ]; then
		skip "no /etc/subuid to mount on"
	fi
	status with_ranges run --user daemon -- /bin/sh -c 'id; cat /proc/self/uid_map; cat /proc/self/setgroups'
	expect errors '' "$errors"
	expect status 0 "$status"
	expect output "$(printf 'uid=1(daemon) gid=1(daemon) groups=1(daemon)\n%10d %10d %10d\n%10d %10d %10d\nallow' 0 $uid 1 1 200000 65536)" "$output"
	# a range that is somebody else's
	status with_ranges run --userns 100000:10 -- /bin/true
	expect status 125 "$status"
	expect_in errors 'namespaces: ids are not the caller' "$errors"
	expect_in errors newuidmap "$errors"
	nothing_is_left
}

test_what_takes_root_is_refused()
{
	status user_taskshim run --userns host -- /bin/true
	expect status 125 "$status"
	expect_in errors 'namespaces: clone3: new namespaces need CAP_SYS_ADMIN' "$errors"
	status as_user taskshim run --memory 64m -- /bin/true
	expect status 125 "$status"
	expect_in errors 'cgroup: linux.resources.memory.limit needs a cgroup that is not ours to make' "$errors"
	status user_taskshim run --userns 0:10 -- /bin/true
	expect status 125 "$status"
	nothing_is_left
}

test_cgroups_that_are_not_ours_are_a_warning()
{
	status as_user taskshim run -- /bin/echo ran
	expect status 0 "$status"
	expect output ran "$output"
	expect errors 'taskshim: warning: cgroup: none is ours to make: the task has none (--cgroup-manager disabled asks for none)' "$errors"
	status as_user taskshim --rootless false run -- /bin/echo ran
	expect status 125 "$status"
	expect_in errors 'make cgroup' "$errors"
	nothing_is_left
}

# Root where cgroups are read-only, as in a container.
test_root_may_do_without_cgroups_too()
{
	local id="ro-$$"
	readonly_cgroups()
	{
		unshare -m -- /bin/sh -c 'for m in $(grep -o " /sys/fs/cgroup[^ ]* " /proc/self/mountinfo); do
			mount -o remount,bind,ro "$m"; done; exec "$@"' sh taskshim "$@"
	}
	status readonly_cgroups run --id "$id" -- /bin/true
	expect status 125 "$status"
	expect_in errors 'make cgroup' "$errors"
	status readonly_cgroups --rootless true run --id "$id" -- /bin/echo ran
	expect output ran "$output"
	expect_in errors 'warning: cgroup: none is ours to make' "$errors"
	status readonly_cgroups --rootless true run --id "$id" --memory 64m -- /bin/true
	expect status 125 "$status"
	expect_in errors 'linux.resources.memory.limit needs a cgroup that is not ours to make' "$errors"
	status readonly_cgroups --rootless true run --id "$id" --cap-add MKNOD -- /bin/true
	expect status 125 "$status" # its device rules
	# what can be made is made
	status taskshim --rootless true run --id "$id" --memory 64m -- /bin/grep -c "/taskshim/$id" /proc/self/cgroup
	expect status 0 "$status"
	expect errors '' "$errors"
}

test_config_for_spawn_daemon_alone()
{
	as_user taskshim spec | sed 's/"sh"/"id", "-u"/; s/"chroot": "host",/&"stdout": "fd:3",/' >"$scratch/config.json"
	status as_user /bin/sh -c "spawn-daemon --no-gate <$scratch/config.json 3>&2"
	expect status 0 "$status"
	expect output $uid "$errors"
	# of groups it may drop none and take none
	sed -i 's/"user": "[0-9:]*"/"version": 1/; s/"cwd": "\/",/&"user": {"uid": 12345, "gid": 12345, "additionalGids": [7]},/' "$scratch/config.json"
	status as_user /bin/sh -c "spawn-daemon --no-gate <$scratch/config.json 3>&2"
	expect status 125 "$status"
	expect_in message 'the user namespace does not allow setgroups(2): 1 supplementary groups' "$output"
	status setpriv --reuid $uid --regid $uid --groups 7,9 -- "$scratch/bin/taskshim" --root "$scratch/run/taskshim" --cgroup-manager disabled \
		run -- /bin/grep Groups: /proc/self/status
	expect 'groups of the caller' "$(printf 'Groups:\t65534 65534 ')" "$output"
}

# --- a cgroup that is delegated to the user, as a service manager does ---

delegate()
{
	hierarchy=/sys/fs/cgroup
	[ -e $hierarchy/cgroup.procs ] || hierarchy=/sys/fs/cgroup/unified
	[ -e $hierarchy/cgroup.procs ] || skip 'no cgroup2'
	delegated=$hierarchy/rootless-$$
	mkdir "$delegated" "$delegated/shell"
	chown $uid "$delegated" "$delegated"/cgroup.{procs,subtree_control,threads} "$delegated/shell" "$delegated/shell/cgroup.procs"
	trap take_back EXIT
}

take_back()
{
	[ ! -e "$delegated/cgroup.kill" ] || echo 1 >"$delegated/cgroup.kill"
	for _ in $(seq 100); do
		find "$delegated" -depth -type d -exec rmdir {} + 2>/dev/null
		[ -d "$delegated" ] || return 0
		sleep 0.05
	done
	fail "$delegated stays"
}

# taskshim of the user, from a process in the delegated cgroup
from_delegated()
{
	(echo "$BASHPID" >"$delegated/shell/cgroup.procs" && as_user taskshim "$@")
}

test_delegated_cgroup_is_used_marked_and_removed()
{
	local id="cgroup-$$" path line
	delegate
	status from_delegated run -d --id "$id" -- /bin/sleep 100
	expect errors '' "$errors"
	expect status 0 "$status"
	path=$delegated/taskshim/$id
	[ -d "$path" ] || fail "no cgroup $path"
	line=$(as_user taskshim state "$id")
	expect cgroup "$path" "$(field "$line" '["taskshim"]["cgroup"]["unified"]')"
	grep -qx "$(field "$line" '["pid"]')" "$path/cgroup.procs" || fail 'the task is not in it'
	expect mark "$(python3 -c "import os; print(os.getxattr('$path', 'user.taskshim.run').decode())")" \
		"$(grep -oP '"runId":"\K[0-9a-f]*' <<<"$output")"
	status from_delegated stop --scope cgroup --time 1s "$id"
	expect status 0 "$status"
	status from_delegated delete "$id"
	expect status 0 "$status"
	[ ! -d "$delegated/taskshim" ] || fail "$delegated/taskshim is left"
	# cgroupsPath: a place that is not the user's is an error
	mkdir -p "$scratch/work/b"
	as_user taskshim spec | python3 -c 'import json, sys
config = json.load(sys.stdin)
config["linux"]["cgroupsPath"] = sys.argv[1]
json.dump(config, sys.stdout)' /elsewhere-$$ >"$scratch/work/b/config.json"
	status from_delegated create -b "$scratch/work/b" "$id"
	expect status 1 "$status"
	expect_in errors 'linux.cgroupsPath is not ours to make: /elsewhere' "$errors"
}

# --- the other verbs ---

test_detached_task_and_the_verbs_on_it()
{
	local id="verbs-$$" line pid
	status user_taskshim run -d --id "$id" -- /bin/sh -c 'echo said; exec sleep 100'
	expect status 0 "$status"
	expect_in 'ID string' "$id" "$output"
	line=$output
	expect list "$id" "$(user_taskshim list -q)"
	expect 'owner in list' $uid "$(user_taskshim list | sed -n '2s/.* //p')"
	expect 'owner in state' $uid "$(field "$(user_taskshim state "$id")" '["owner"]')"
	expect state running "$(field "$(user_taskshim state "$id")" '["status"]')"
	expect 'ID string' "$line" "$(user_taskshim id "$id")"
	status user_taskshim open "$line"
	expect status 0 "$status"
	expect_in open running "$output"
	status user_taskshim wait --timeout 50ms "$id"
	expect 'status of a wait that ends' 124 "$status"
	pid=$(field "$(user_taskshim state "$id")" '["pid"]')
	expect owner $uid "$(stat -c %u "/proc/$pid")"
	expect_in ps "$pid" "$(user_taskshim ps "$id")"
	expect_in stats "\"pid\":$pid," "$(user_taskshim stats --format json "$id")"
	status user_taskshim stop --time 1s "$id"
	expect status 0 "$status"
	status user_taskshim wait "$id"
	expect 'status of the command' 137 "$status"
	expect_in record '"cause": "stopped"' "$output"
	expect output said "$(cat "$scratch/run/taskshim/$id/stdout")"
	status user_taskshim delete "$id"
	expect status 0 "$status"
	nothing_is_left
}

test_bundle_create_start_kill_delete()
{
	local id="bundle-$$" pid
	mkdir -p "$scratch/bundle/rootfs/bin"
	cp "$build/tests/integration/probe" "$scratch/bundle/rootfs/bin/probe"
	chown -R $uid:$uid "$scratch/bundle"
	rm -f "$scratch/bundle/config.json"
	as_user taskshim spec --rootless -b "$scratch/bundle"
	sed -i 's|"sh"|"/bin/probe", "trap", "15", "pause"|; s|"terminal": true|"terminal": false|' "$scratch/bundle/config.json"
	status as_user taskshim validate "$scratch/bundle/config.json"
	expect status 0 "$status"
	status user_taskshim create -b "$scratch/bundle" --pid-file "$scratch/run/pid" "$id"
	expect errors '' "$errors"
	expect status 0 "$status"
	expect state created "$(field "$(user_taskshim state "$id")" '["status"]')"
	pid=$(<"$scratch/run/pid")
	expect 'uid_map' "$(printf '%10d %10d %10d' 0 $uid 1)" "$(cat "/proc/$pid/uid_map")"
	status user_taskshim start "$id"
	expect status 0 "$status"
	expect state running "$(field "$(user_taskshim state "$id")" '["status"]')"
	status user_taskshim kill "$id" KILL
	expect status 0 "$status"
	status user_taskshim wait "$id"
	status user_taskshim delete "$id"
	expect status 0 "$status"
	nothing_is_left
}

# The monitor is killed, and the task dies with it: nobody saw the end, and what is left is swept.
test_what_a_crash_leaves_is_swept()
{
	local id="crash-$$" line
	user_taskshim run -d --id "$id" -- /bin/sleep 100 >"$scratch/id"
	line=$(user_taskshim state "$id")
	kill -KILL "$(field "$line" '["taskshim"]["monitorPid"]')"
	while [ -d "/proc/$(field "$line" '["pid"]')" ]; do sleep 0.01; done
	status user_taskshim open "$(<"$scratch/id")"
	expect status 3 "$status"
	expect_in open lost "$output"
	user_taskshim gc >/dev/null
	status user_taskshim delete --force "$id"
	nothing_is_left
}

# What another user of the machine has is not touched, nor can root's tasks be reached.
test_tasks_of_others_are_out_of_reach()
{
	local id="roots-$$" line
	line=$(taskshim run -d --id "$id" -- /bin/sleep 100)
	status user_taskshim state "$id"
	expect status 1 "$status"
	status user_taskshim open "$line"
	expect status 4 "$status"
	status user_taskshim stop --time 0s "$line"
	[ "$status" != 0 ] || fail 'stopped a task of root'
	status as_user taskshim --root /run/taskshim list -q
	expect 'tasks of root' '' "$output"
	expect state running "$(field "$(taskshim state "$id")" '["status"]')"
	taskshim delete --force "$id"
}

run_tests
