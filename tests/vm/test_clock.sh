#!/usr/bin/env bash
# The wall clock is set back and forth while something is timed: it neither ends early nor hangs, and what is recorded as
# the run's length is what passed.
. "$(dirname "$0")/lib.sh"

# Milliseconds since boot: no setting changes them.
uptime_ms()
{
	local up
	read -r up _ </proc/uptime
	echo $((${up/./}0))
}

# step_clock SECONDS
step_clock()
{
	date -s "@$(($(date +%s) + $1))" >/dev/null
}

# steps CLOCKSTEP COMMAND...: runs it, and sets the clock once it has begun its two seconds; the time it took in $took
stepped()
{
	local step=$1 before pid
	shift
	before=$(uptime_ms)
	timeout 120 "$@" >"$scratch/out" 2>"$scratch/err" &
	pid=$!
	sleep 0.5
	step_clock "$step"
	status=0
	wait $pid || status=$?
	took=$(($(uptime_ms) - before))
	step_clock "$((-step))"
}

stop_with_step()
{
	taskshim run -d --id $id -- /bin/sh -c 'trap "" TERM; echo ready; while :; do sleep 1; done' >/dev/null
	wait_for 'the trap' grep -q ready "/run/taskshim/$id/stdout"
	stepped "$1" taskshim stop --time 2s $id
	expect "status of stop: $(<"$scratch/err")" 0 "$status"
	[ $took -ge 2000 ] || fail "stop gave $took ms of grace, not 2000"
	status taskshim wait $id
	expect cause stopped "$(field "$output" '["cause"]')"
	[ "$(field "$output" '["runtimeMs"]')" -lt 600000 ] || fail "the step is in the run's length: $output"
	taskshim delete $id
}

test_stop_while_the_clock_is_set_back()
{
	stop_with_step -3600
}

test_stop_while_the_clock_is_set_forward()
{
	stop_with_step 3600
}

timeout_with_step()
{
	local ms
	stepped "$1" taskshim run --keep --id $id --timeout 2s -- /bin/sleep 1000
	[ $took -ge 2000 ] || fail "the task ran $took ms, not 2000"
	[ "$status" != 124 ] || fail "it hangs"
	status taskshim wait $id
	expect cause timeout "$(field "$output" '["cause"]')"
	ms=$(field "$output" '["runtimeMs"]')
	[ "$ms" -ge 2000 ] || fail "runtimeMs is $ms"
	[ "$ms" -lt 600000 ] || fail "the step is in the run's length: $ms"
	taskshim delete $id
}

test_timeout_while_the_clock_is_set_back()
{
	timeout_with_step -3600
}

test_timeout_while_the_clock_is_set_forward()
{
	timeout_with_step 3600
}

wait_with_step()
{
	taskshim run -d --id $id -- /bin/sleep 1000 >/dev/null
	stepped "$1" taskshim wait --timeout 2s $id
	expect status 124 "$status"
	[ $took -ge 2000 ] || fail "wait gave up after $took ms, not 2000"
	[ $took -lt 120000 ] || fail "it hangs"
	taskshim delete --force $id
}

test_wait_while_the_clock_is_set()
{
	wait_with_step -3600
	wait_with_step 3600
}

# The start times of processes count from boot: an ID string stays good.
test_an_id_string_is_good_after_the_clock_was_set()
{
	local string
	string=$(taskshim run -d --id $id -- /bin/sleep 1000)
	step_clock 86400
	expect 'set forward' running "$(field "$(taskshim state "$string")" '["status"]')"
	step_clock -172800
	expect 'set back' running "$(field "$(taskshim state "$string")" '["status"]')"
	step_clock 86400
	taskshim delete --force "$string"
}

run_tests
