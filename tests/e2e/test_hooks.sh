#!/usr/bin/env bash
# Hooks by way of the command: who starts a task runs its poststart hooks, who removes it its poststop hooks, whoever that is.
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"

# bundle NAME HOOKS ARGS: a bundle with the host's programs, its log $scratch/NAME/log empty. HOOKS: the members of hooks.
bundle()
{
	mkdir -p "$scratch/$1"
	: >"$scratch/$1/log"
	printf '{"ociVersion":"1.2.0","process":{"cwd":"/","args":%s},"linux":{"namespaces":[{"type":"mount"},{"type":"pid"}]},
		"hooks":{%s},"taskshim":{"chroot":"host"}}' "$3" "$2" >"$scratch/$1/config.json"
}

# hook KIND NAME SCRIPT: a member of hooks; the script has $LOG, and $STATE, the state that it was given.
hook()
{
	python3 -c 'import json, sys
kind, directory, script = sys.argv[1:]
script = "STATE=$(cat); " + script
print(json.dumps(kind) + ":" + json.dumps([{"path": "/bin/sh", "args": ["sh", "-c", script],
	"env": ["LOG=" + directory + "/log", "PATH=/usr/bin:/bin"]}]))' "$1" "$scratch/$2" "$3"
}

log()
{
	tr '\n' ' ' <"$scratch/$1/log"
}

# wait_for COMMAND...: until it succeeds
wait_for()
{
	local i
	for ((i = 0; i < 600; i++)); do
		! "$@" >"$scratch/wait" 2>&1 || return 0
		sleep 0.05
	done
	fail "waited in vain: $*"
}

gone()
{
	! kill -0 "$1" 2>/dev/null
}

expect_nothing_left()
{
	[ ! -e "/run/taskshim/$1" ] || fail "the state directory of $1 is left: $(ls -A "/run/taskshim/$1")"
	local left
	left=$(find /sys/fs/cgroup -type d \( -path "*/taskshim/$1" -o -name "taskshim-$1" \) 2>/dev/null)
	[ -z "$left" ] || fail "cgroups are left: $left"
}

test_foreground_run_of_a_bundle()
{
	local id=fg-$$
	bundle fg "$(hook prestart fg 'echo prestart >>$LOG'),$(hook poststart fg 'echo poststart >>$LOG'),$(
		hook poststop fg "[ -d /run/taskshim/$id ] && echo \"poststop \$STATE\" >>\$LOG")" '["sh","-c","exit 5"]'
	status taskshim run -b "$scratch/fg" "$id"
	expect "status: $errors" 5 "$status"
	expect errors '' "$errors"
	expect log "prestart poststart poststop {\"status\":\"stopped\",\"ociVersion\":\"1.2.0\",\"id\":\"$id\",\"bundle\":\"$scratch/fg\"} " \
		"$(log fg)"
	expect_nothing_left "$id"
}

test_failed_hook_fails_the_start()
{
	local id=bad-$$ kind verb
	for kind in prestart createRuntime createContainer; do
		for verb in run create; do
			bundle bad "$(hook $kind bad 'echo because; exit 3'),$(hook poststop bad 'echo poststop >>$LOG')" '["touch","/tmp/ran"]'
			status taskshim $verb -b "$scratch/bad" "$id"
			[ "$status" = 125 ] || [ "$status" = 1 ] || fail "$verb ended with $status"
			expect_in errors "taskshim: hook: ${kind}[0]: /bin/sh: exited with status 3: because" "$errors"
			expect log 'poststop ' "$(log bad)"
			expect_nothing_left "$id"
		done
	done
}

test_failed_start_container_hook_fails_start()
{
	local id=sc-$$
	bundle sc "$(hook startContainer sc 'echo because; exit 3'),$(hook poststart sc 'echo poststart >>$LOG'),$(
		hook poststop sc 'echo poststop >>$LOG')" '["sh","-c","echo ran"]'
	taskshim create -b "$scratch/sc" "$id" >"$scratch/output" 2>&1
	status taskshim start "$id"
	expect status 1 "$status"
	expect_in errors 'hook: startContainer[0]: /bin/sh: exited with status 3: because' "$errors"
	expect 'output of the command' '' "$(<"$scratch/output")"
	expect log '' "$(log sc)"
	taskshim delete "$id"
	expect log 'poststop ' "$(log sc)"
	expect_nothing_left "$id"
	: >"$scratch/sc/log"
	status taskshim run -b "$scratch/sc" "$id"
	expect status 125 "$status"
	expect_in errors 'hook: startContainer[0]' "$errors"
	expect log 'poststop ' "$(log sc)"
	expect_nothing_left "$id"
}

test_create_start_delete()
{
	local id=csd-$$ pid
	bundle csd "$(hook createRuntime csd 'echo createRuntime >>$LOG'),$(hook poststart csd 'echo "$STATE" >>$LOG'),$(
		hook poststop csd 'echo poststop >>$LOG')" '["sleep","1000"]'
	taskshim create --pid-file "$scratch/csd/pid" -b "$scratch/csd" "$id" >"$scratch/output" 2>&1
	pid=$(<"$scratch/csd/pid")
	expect log 'createRuntime ' "$(log csd)"
	taskshim start "$id"
	expect log "createRuntime {\"status\":\"running\",\"pid\":$pid,\"ociVersion\":\"1.2.0\",\"id\":\"$id\",\"bundle\":\"$scratch/csd\"} " \
		"$(log csd)"
	: >"$scratch/csd/log"
	taskshim delete --force "$id"
	expect log 'poststop ' "$(log csd)"
	expect_nothing_left "$id"
}

test_failed_poststart_and_poststop_hooks_are_warnings()
{
	local id=warn-$$
	bundle warn "$(hook poststart warn 'echo one; exit 3'),$(hook poststop warn 'echo two; exit 4')" '["sh","-c","exit 0"]'
	status taskshim run -b "$scratch/warn" "$id"
	expect status 0 "$status"
	expect_in errors 'warning: hook: poststart[0]: /bin/sh: exited with status 3: one' "$errors"
	expect_in errors 'warning: hook: poststop[0]: /bin/sh: exited with status 4: two' "$errors"
	expect_nothing_left "$id"
	taskshim create -b "$scratch/warn" "$id" >"$scratch/output" 2>&1
	status taskshim start "$id"
	expect status 0 "$status"
	expect_in errors 'warning: hook: poststart[0]' "$errors"
	wait_for sh -c "taskshim state $id | grep -q stopped"
	status taskshim delete "$id"
	expect status 0 "$status"
	expect_in errors 'warning: hook: poststop[0]' "$errors"
	expect_nothing_left "$id"
}

test_kept_task_has_its_poststop_hooks_at_its_delete()
{
	local id=keep-$$
	bundle keep "$(hook poststop keep 'echo poststop >>$LOG')" '["true"]'
	taskshim run --keep -b "$scratch/keep" "$id"
	expect log '' "$(log keep)"
	taskshim delete "$id"
	expect log 'poststop ' "$(log keep)"
	expect_nothing_left "$id"
}

# The monitor removes the task then, and is who removes it.
test_death_of_a_foreground_taskshim()
{
	local id=death-$$ pid
	bundle death "$(hook poststart death 'echo poststart >>$LOG'),$(hook poststop death 'echo poststop >>$LOG')" '["sleep","1000"]'
	taskshim run -b "$scratch/death" "$id" >"$scratch/output" 2>&1 &
	pid=$!
	wait_for sh -c "taskshim state $id | grep -q running && grep -q poststart $scratch/death/log"
	kill -KILL "$pid"
	wait "$pid" || true
	wait_for test ! -e "/run/taskshim/$id"
	expect log 'poststart poststop ' "$(log death)"
	expect_nothing_left "$id"
}

test_death_of_taskshim_while_a_hook_runs()
{
	local id=inhook-$$ pid hook_pid
	bundle inhook "$(hook createRuntime inhook 'echo $$ >>$LOG; sleep 1000'),$(hook poststop inhook 'echo poststop >>$LOG')" '["true"]'
	taskshim run -b "$scratch/inhook" "$id" >"$scratch/output" 2>&1 &
	pid=$!
	wait_for test -s "$scratch/inhook/log"
	hook_pid=$(<"$scratch/inhook/log")
	kill -KILL "$pid"
	wait "$pid" || true
	wait_for gone "$hook_pid"
	wait_for test ! -e "/run/taskshim/$id"
	expect_in log ' poststop ' "$(log inhook)"
	expect_nothing_left "$id"
}

test_death_of_create_while_a_hook_runs()
{
	local id=increate-$$ pid hook_pid
	bundle increate "$(hook createRuntime increate 'echo $$ >>$LOG; sleep 1000'),$(hook poststop increate 'echo poststop >>$LOG')" '["true"]'
	taskshim create -b "$scratch/increate" "$id" >"$scratch/output" 2>&1 &
	pid=$!
	wait_for test -s "$scratch/increate/log"
	hook_pid=$(<"$scratch/increate/log")
	kill -KILL "$pid"
	wait "$pid" || true
	status taskshim gc
	expect "status: $errors" 0 "$status"
	wait_for gone "$hook_pid"
	expect_in log ' poststop ' "$(log increate)"
	expect_nothing_left "$id"
}

test_death_of_delete_while_a_hook_runs()
{
	local id=indelete-$$ pid hook_pid
	bundle indelete "$(hook poststop indelete "echo \$\$ >>\$LOG; [ -e $scratch/second ] || sleep 1000")" '["true"]'
	taskshim run --keep -b "$scratch/indelete" "$id"
	taskshim delete "$id" >"$scratch/output" 2>&1 &
	pid=$!
	wait_for test -s "$scratch/indelete/log"
	hook_pid=$(<"$scratch/indelete/log")
	kill -KILL "$pid"
	wait "$pid" || true
	wait_for gone "$hook_pid"
	: >"$scratch/second"
	taskshim delete "$id"
	expect 'runs of the hook' 2 "$(wc -l <"$scratch/indelete/log")"
	expect_nothing_left "$id"
}

test_signal_while_a_hook_runs_gives_the_start_up()
{
	local id=sig-$$ pid code=0
	bundle sig "$(hook createRuntime sig 'echo $$ >>$LOG; sleep 1000'),$(hook poststop sig 'echo poststop >>$LOG')" '["true"]'
	taskshim run -b "$scratch/sig" "$id" >"$scratch/output" 2>&1 &
	pid=$!
	wait_for test -s "$scratch/sig/log"
	kill -TERM "$pid"
	wait "$pid" || code=$?
	expect status 143 "$code"
	expect_in log ' poststop ' "$(log sig)"
	expect_nothing_left "$id"
}

test_validate_and_explain_know_hooks()
{
	bundle doc "$(hook startContainer doc true),$(hook poststop doc true)" '["true"]'
	status taskshim validate "$scratch/doc"
	expect "validate: $errors" 0 "$status"
	status taskshim explain "$scratch/doc"
	expect_in explain 'startContainer: /bin/sh' "$output"
	expect_in explain 'poststop: /bin/sh' "$output"
}

run_tests
