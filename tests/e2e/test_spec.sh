#!/usr/bin/env bash
# `taskshim spec`, `validate`, and spawn-daemon by hand.
. "$(dirname "$0")/lib.sh"

test_spec_is_valid()
{
	taskshim spec >"$scratch/config.json"
	status taskshim validate "$scratch/config.json"
	expect "validate: $errors" 0 "$status"
}

test_spec_runs_with_spawn_daemon_as_it_is()
{
	taskshim spec | spawn-daemon --no-gate >"$scratch/lines"
	expect types 'created started exited ' "$(python3 -c '
import json, sys
for line in sys.stdin: print(json.loads(line)["type"], end=" ")' <"$scratch/lines")"
}

test_spec_in_a_bundle()
{
	mkdir "$scratch/b"
	status taskshim spec -b "$scratch/b"
	expect status 0 "$status"
	expect output '' "$output"
	[ -s "$scratch/b/config.json" ] || fail "no config.json"
}

test_spec_in_a_bundle_is_whole_or_not_there()
{
	mkdir "$scratch/small"
	mount -t tmpfs -o size=4k none "$scratch/small"
	trap 'umount "$scratch/small"' EXIT
	head -c 4096 /dev/zero >"$scratch/small/full"
	status taskshim spec -b "$scratch/small"
	expect status 1 "$status"
	expect_in errors 'config.json: No space left on device' "$errors"
	expect 'what it left' full "$(ls -A "$scratch/small")"
	rm "$scratch/small/full"
	status taskshim spec -b "$scratch/small"
	expect "status of the second one: $errors" 0 "$status"
	expect files config.json "$(ls -A "$scratch/small")"
	expect mode 644 "$(stat -c %a "$scratch/small/config.json")"
	echo mine >"$scratch/small/config.json"
	status taskshim spec -b "$scratch/small"
	expect 'status where there is one' 1 "$status"
	expect_in errors 'config.json: File exists' "$errors"
	expect 'what was there' mine "$(<"$scratch/small/config.json")"
}

test_validate_names_the_path()
{
	echo '{"ociVersion":"1.2.0","process":{"args":["/bin/true"],"cwd":"/"},"taskshim":{"version":1,"chrot":"host"}}' >"$scratch/bad.json"
	status taskshim validate "$scratch/bad.json"
	[ "$status" != 0 ] || fail "it was accepted"
	expect_in errors taskshim.chrot "$errors"
}

test_explain_lists_the_steps()
{
	taskshim spec >"$scratch/config.json"
	status taskshim explain "$scratch/config.json"
	expect "explain: $errors" 0 "$status"
	expect_in explain pivot "$output"
}

test_explain_lists_sysctls_and_network_devices()
{
	echo '{"process":{"args":["x"]},"taskshim":{"chroot":"host"},"linux":{"namespaces":[{"type":"network"}],
		"netDevices":{"e7":{},"e8":{"name":"eth0"}},"sysctl":{"net.ipv4.ip_forward":"1"}}}' >"$scratch/sysctl.json"
	status taskshim explain "$scratch/sysctl.json"
	expect "explain: $errors" 0 "$status"
	grep -Eq '^ *[0-9]+  netdevices +move e7 into the task as e7$' <<<"$output" || fail "$output"
	grep -Eq '^ *[0-9]+  netdevices +move e8 into the task as eth0$' <<<"$output" || fail "$output"
	grep -Eq '^ *[0-9]+  sysctl +net.ipv4.ip_forward = 1$' <<<"$output" || fail "$output"
}

test_version_and_help()
{
	for program in taskshim spawn-daemon; do
		expect_in version "$program " "$($program --version)"
		expect_in help usage "$($program --help)"
	done
	for verb in run create start state kill delete list wait stop spec validate explain features; do
		status taskshim $verb --help
		expect "$verb --help" 0 "$status"
		expect_in "$verb --help" $verb "$output"
	done
}

test_unknown_verb_and_option()
{
	status taskshim frobnicate
	[ "$status" != 0 ] || fail "accepted"
	expect_in errors frobnicate "$errors"
	status taskshim run --frobnicate -- /bin/true
	[ "$status" != 0 ] || fail "accepted"
	expect_in errors frobnicate "$errors"
}

run_tests
