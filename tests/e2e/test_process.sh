#!/usr/bin/env bash
# What the command line adds to a task's process.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# bundle NAME PROCESS [MEMBERS]: a bundle with the host's programs. $scratch/NAME
bundle()
{
	mkdir "$scratch/$1"
	printf '{"ociVersion":"1.2.0","process":{"cwd":"/",%s},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]},
		"taskshim":{"chroot":"host"}%s}' "$2" "${3:-}" >"$scratch/$1/config.json"
}

# Runs a command with a session keyring of its own, named e2e-callers.
with_keyring()
{
	python3 -c 'import ctypes, os, sys
libc = ctypes.CDLL(None, use_errno=True)
if libc.syscall(250, 1, b"e2e-callers", 0, 0, 0) < 0: sys.exit(77)  # keyctl, KEYCTL_JOIN_SESSION_KEYRING
os.execvp(sys.argv[1], sys.argv[1:])' "$@"
}

test_no_new_keyring_keeps_the_callers()
{
	[ "$(uname -m)" = x86_64 ] || skip 'keyctl(2) has another number here'
	# KEYCTL_DESCRIBE, KEY_SPEC_SESSION_KEYRING
	bundle keyring '"user":{"uid":0,"gid":0},"args":["python3","-c","import ctypes; b = ctypes.create_string_buffer(200); ctypes.CDLL(None).syscall(250, 6, -3, b, 200, 0); print(b.value.decode())"],"env":["PATH=/usr/bin:/bin"]'
	status with_keyring taskshim run -b "$scratch/keyring" "keys-$$"
	[ "$status" != 77 ] || skip 'this kernel has no keyrings'
	expect "status: $errors" 0 "$status"
	expect_in keyring 'keyring;' "$output"
	case $output in *e2e-callers*) fail "the caller's keyring was inherited" ;; esac
	status with_keyring taskshim run --no-new-keyring -b "$scratch/keyring" "keys-$$"
	expect "status: $errors" 0 "$status"
	expect_in keyring e2e-callers "$output"
	with_keyring taskshim create --no-new-keyring -b "$scratch/keyring" "keys-$$" >"$scratch/created" 2>&1
	taskshim start "keys-$$"
	for ((i = 0; i < 200; i++)); do
		[ ! -s "$scratch/created" ] || break
		sleep 0.05
	done
	expect_in keyring e2e-callers "$(<"$scratch/created")"
	taskshim delete --force "keys-$$"
	status taskshim run --no-new-keyring -- true
	expect status 125 "$status"
	expect_in errors '--no-new-keyring is for bundles' "$errors"
}

test_run_with_init()
{
	status taskshim run --init -- sh -c 'cat /proc/1/comm; echo $$ $PPID; (sleep 1000 &); exit 3'
	expect "status: $errors" 3 "$status"
	expect output $'spawn-daemon\n2 1' "$output"
	status taskshim run --init -- sh -c 'kill -9 $$'
	expect status 137 "$status"
	status taskshim run --init -- /nothing
	expect status 127 "$status"
	expect_in errors 'command not found: /nothing' "$errors"
}

test_run_with_init_passes_signals_on()
{
	local pid code=0
	taskshim run --init -- sh -c 'trap "exit 9" USR1; echo ready; while :; do sleep 0.05; done' >"$scratch/output" 2>&1 &
	pid=$!
	for ((i = 0; i < 600; i++)); do
		[ ! -s "$scratch/output" ] || break
		sleep 0.05
	done
	kill -USR1 "$pid"
	wait "$pid" || code=$?
	expect status 9 "$code"
}

test_stop_and_record_of_a_task_with_init()
{
	local id=init-$$ record
	taskshim run -d --init --id "$id" -- sleep 1000 >"$scratch/id"
	taskshim stop "$id"
	record=$(taskshim wait "$id") || true
	expect signal 15 "$(field "$record" '["signal"]')"
	expect cause stopped "$(field "$record" '["cause"]')"
	taskshim delete "$id"
}

test_init_needs_a_pid_namespace()
{
	status taskshim run --init --pid host -- true
	expect status 125 "$status"
	expect_in errors 'taskshim.init: needs a new pid namespace' "$errors"
}

run_tests
