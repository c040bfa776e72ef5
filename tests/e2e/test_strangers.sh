#!/usr/bin/env bash
# What is not ours is left alone: other processes in a pre-created cgroup, an operator's cgroup of our name, files that a
# task planted. Each of these was seen to fail before its defence was there.
. "$(dirname "$0")/lib.sh"

unified=/sys/fs/cgroup/unified
[ -d $unified ] || unified=/sys/fs/cgroup

# daemon INPUT OPTION...: spawn-daemon's exit status and output, as status()
daemon()
{
	printf '%s\n' "$1" >"$scratch/input"
	shift
	# shellcheck disable=SC2016 # the inner shell expands them
	status timeout 30 bash -c 'exec spawn-daemon "${@:2}" <"$1"' - "$scratch/input" "$@"
}

in_cgroup()
{
	printf '{"ociVersion":"1.0.2","process":{"args":["/bin/true"]},"taskshim":{"isolation":"none","cgroup":{"unified":"%s"}}}' "$1"
}

test_a_stranger_in_a_given_cgroup_lives_on()
{
	local cgroup=$unified/ts-e2e-strangers.$$ pid
	mkdir "$cgroup" || fail "cannot make $cgroup"
	sleep 30 &
	pid=$!
	echo $pid >"$cgroup/cgroup.procs"
	daemon "$(in_cgroup "$cgroup")" --no-gate
	kill -0 $pid || fail "the stranger was killed"
	kill $pid
	wait $pid 2>/dev/null || true
	sleep 0.1
	rmdir "$cgroup"
	expect status 0 "$status"
}

test_a_start_stuck_in_a_frozen_cgroup_ends_with_its_parent()
{
	local cgroup=$unified/ts-e2e-frozen.$$
	mkdir "$cgroup" || fail "cannot make $cgroup"
	echo 1 >"$cgroup/cgroup.freeze"
	# a pipe, whose other end is closed: a file would always have more to read
	# shellcheck disable=SC2016
	status timeout 30 bash -c 'printf "%s" "$1" | spawn-daemon' - "$(in_cgroup "$cgroup")"
	echo 0 >"$cgroup/cgroup.freeze"
	rmdir "$cgroup"
	expect status 0 "$status"
	expect line '{"type":"aborted","reason":"parent-gone"}' "$output"
}

test_a_planted_fifo_does_not_hold_the_exit_status()
{
	local dir
	dir=$(mktemp -d)
	chmod 777 "$dir"
	daemon "{\"Path\":\"/bin/sh\",\"Args\":[\"sh\",\"-c\",\"mkfifo $dir/.out.new; exit 3\"],\"SysProcAttr\":{\"Credential\":{\"Uid\":65534,\"Gid\":65534}},\"ExitStatusFile\":\"$dir/out\"} true"
	expect status 3 "$status"
	expect file '{"ExitCode":3}' "$(cat "$dir/out")"
	rm -rf "$dir"
}

test_an_operators_cgroup_of_our_name_stays()
{
	local cgroup=$unified/ts-e2e-operator.$$ bundle
	bundle=$(mktemp -d)
	mkdir -p "$cgroup/taskshim" || fail "cannot make $cgroup"
	taskshim spec | python3 -c 'import json, sys
c = json.load(sys.stdin)
c["process"]["args"] = ["/bin/true"]
c.setdefault("linux", {})["cgroupsPath"] = sys.argv[1]
json.dump(c, sys.stdout)' "/${cgroup##*/}/taskshim/x" >"$bundle/config.json"
	status taskshim run -b "$bundle" strangers
	[ -d "$cgroup/taskshim" ] || fail "the operator's cgroup is gone"
	rmdir "$cgroup/taskshim" "$cgroup"
	rm -rf "$bundle"
	expect errors '' "$errors"
	expect status 0 "$status"
}

test_a_reader_that_went_away_leaves_nothing()
{
	local root
	root=$(mktemp -d)
	taskshim --root "$root" run --id ff -- /nonexistent 2> >(exec true) || true
	sleep 0.1
	expect 'state directories' '' "$(ls "$root")"
	rmdir "$root"
}

test_a_monitorless_bundle_is_refused_in_the_foreground()
{
	local bundle
	bundle=$(mktemp -d)
	echo '{"ociVersion":"1.0.2","process":{"args":["/bin/true"]},"taskshim":{"chroot":"host","monitor":false}}' >"$bundle/config.json"
	status taskshim run -b "$bundle" strangers
	rm -rf "$bundle"
	expect status 125 "$status"
	grep -q 'taskshim.monitor: false cannot be run in the foreground' <<<"$errors" || fail "$errors"
}

run_tests
