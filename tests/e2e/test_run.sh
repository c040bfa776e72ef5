#!/usr/bin/env bash
# The command by hand: `taskshim run`, detached tasks, what they leave (nothing).
. "$(dirname "$0")/lib.sh"

test_run_is_nobody_in_a_root_of_its_own()
{
	status taskshim run -- /bin/sh -c 'id; echo hello; ls /'
	expect status 0 "$status"
	expect errors '' "$errors"
	expect id 'uid=65534(nobody) gid=65534(nogroup) groups=65534(nogroup)' "$(sed -n 1p <<<"$output")"
	expect hello hello "$(sed -n 2p <<<"$output")"
	for name in bin dev etc lib proc run sys tmp usr var; do
		grep -qx $name <<<"$output" || fail "no /$name in the task's root"
	done
	for name in home root boot srv mnt work; do
		! grep -qx $name <<<"$output" || fail "/$name of the host is in the task's root"
	done
}

test_run_cannot_write_to_the_host()
{
	status taskshim run -- /bin/sh -c 'for d in / /usr /etc /bin /proc/sys /sys; do touch $d/x 2>/dev/null && echo $d; done; touch /tmp/of-the-task'
	expect status 0 "$status"
	expect 'writable directories' '' "$output"
	[ ! -e /tmp/of-the-task ] || fail "a file in the task's /tmp is on the host"
}

test_run_gives_the_default_environment()
{
	SECRET=x status taskshim run --env A=b -- /usr/bin/env
	expect status 0 "$status"
	expect variables 'A HOME LANG PATH TERM USER' "$(cut -d= -f1 <<<"$output" | sort | tr '\n' ' ' | sed 's/ $//')"
}

# OCI: what cannot be granted is a warning; one that nobody sees would be none.
test_run_warns_of_a_capability_that_it_cannot_grant()
{
	status python3 -c 'import ctypes, os, sys
ctypes.CDLL(None).prctl(24, 12, 0, 0, 0)  # PR_CAPBSET_DROP CAP_NET_ADMIN
os.execvp(sys.argv[1], sys.argv[1:])' taskshim run --cap-add CAP_NET_ADMIN -- /bin/grep CapBnd /proc/self/status
	expect status 0 "$status"
	expect 'bounding set' "$(printf 'CapBnd:\t0000000000000000')" "$output"
	grep -q 'not ours to grant' <<<"$errors" || fail "no warning: $errors"
}

test_run_gives_the_id_file_whole()
{
	local file=$scratch/id-file detach id=id-file-$$
	for detach in '' -d; do
		echo old >"$file"
		chmod 644 "$file"
		exec 9<"$file"
		status taskshim run ${detach:+"$detach"} --id "$id" --id-file "$file" -- /bin/true
		expect "status: $errors" 0 "$status"
		[ -z "$detach" ] || taskshim delete -f "$id"
		expect 'who had it open' old "$(cat <&9)" # it is not emptied first
		exec 9<&-
		expect mode 600 "$(stat -c %a "$file")"
		expect lines 1 "$(wc -l <"$file")"
		expect_in 'ID string' '"runId"' "$(<"$file")"
	done
	expect 'files beside it' "$file" "$(ls -d "$scratch"/*id-file* "$scratch"/.*id-file* 2>/dev/null)"
}

test_run_of_a_short_command_writes_the_id_file_too()
{
	local file=$scratch/id-file
	for _ in {1..60}; do
		rm -f "$file"
		taskshim run --id-file "$file" -- /bin/true >"$scratch/out"
		expect_in 'ID string' '"runId"' "$(cat "$file")"
	done
}

test_run_writes_the_id_to_what_is_no_file()
{
	mkfifo "$scratch/fifo"
	cat "$scratch/fifo" >"$scratch/read" &
	taskshim run --id-file "$scratch/fifo" -- /bin/true
	wait $!
	expect_in 'by a FIFO' '"runId"' "$(<"$scratch/read")"
	[ -p "$scratch/fifo" ] || fail 'the FIFO was replaced'
	expect_in 'by a descriptor' '"runId"' "$(taskshim run --id-file /dev/fd/8 -- /bin/true 8>&1)"
	: >"$scratch/target"
	ln -s target "$scratch/link"
	taskshim run --id-file "$scratch/link" -- /bin/true
	[ -L "$scratch/link" ] || fail 'the link was replaced'
	expect_in 'by a link' '"runId"' "$(<"$scratch/target")"
	status taskshim run --id-file /no/such/file -- /bin/true
	expect_in errors 'write the ID file: /no/such/file: No such file or directory' "$errors"
}

test_run_has_private_namespaces()
{
	status taskshim run -- /bin/sh -c 'for n in pid ipc uts mnt net; do readlink /proc/self/ns/$n; done'
	expect status 0 "$status"
	for n in pid ipc uts mnt; do
		! grep -qxF "$(readlink /proc/self/ns/$n)" <<<"$output" || fail "$n is the host's"
	done
	grep -qxF "$(readlink /proc/self/ns/net)" <<<"$output" || fail "net is not the host's"
}

test_run_joins_namespaces_by_path()
{
	local n pid
	taskshim run -d --id "holder-$$" --net none -- /bin/sleep 100 >/dev/null
	pid=$(field "$(taskshim state "holder-$$")" '["pid"]')
	status taskshim run --net "/proc/$pid/ns/net" --pid "/proc/$pid/ns/pid" --ipc "/proc/$pid/ns/ipc" --uts "/proc/$pid/ns/uts" \
		-- /bin/sh -c 'for n in net pid ipc uts; do readlink /proc/self/ns/$n; done'
	expect status 0 "$status"
	expect namespaces "$(for n in net pid ipc uts; do readlink "/proc/$pid/ns/$n"; done)" "$output"
	taskshim delete --force "holder-$$"
	status taskshim run --net blue -- /bin/true
	expect status 125 "$status"
	expect_in errors '--net blue: expected host, none or the path of a namespace' "$errors"
}

test_run_with_a_user_namespace()
{
	local files
	status taskshim run --userns 100000:65536 --user 0:0 --net none --hostname inside -- \
		/bin/sh -c 'cat /proc/self/uid_map /proc/self/gid_map; id -u; hostname; stat -c %u /etc'
	expect status 0 "$status"
	expect output "$(printf '         0     100000      65536\n         0     100000      65536\n0\ninside\n65534')" "$output"
	for flag in 100000 x:1 0:0 1:-1 -1:5; do
		status taskshim run --userns "$flag" -- /bin/true
		expect "status of $flag" 125 "$status"
		expect_in errors "--userns $flag: expected host, FIRST:SIZE or the path" "$errors"
	done
	# its own message queues, or none
	status taskshim run --userns 100000:65536 --ipc host --mount /tmp:/m -- /bin/true
	expect errors '' "$errors"
	status taskshim run --userns 100000:65536 --ipc host -- /bin/true
	expect errors '' "$errors"
}

# The gate of an unmonitored task is opened by who has no number in its user namespace.
test_bundle_with_a_user_namespace()
{
	local pid
	mkdir -p "$scratch/bundle"
	taskshim spec | python3 -c 'import json, sys
config = json.load(sys.stdin)
config["process"]["args"] = ["/bin/sh", "-c", "exec sleep 100"]
config["linux"]["namespaces"].append({"type": "user"})
config["linux"]["uidMappings"] = config["linux"]["gidMappings"] = [{"containerID": 0, "hostID": 100000, "size": 65536}]
json.dump(config, sys.stdout)' >"$scratch/bundle/config.json"
	taskshim create -b "$scratch/bundle" "user-$$"
	taskshim start "user-$$"
	pid=$(field "$(taskshim state "user-$$")" '["pid"]')
	expect owner 165534 "$(stat -c %u "/proc/$pid")"
	taskshim stop --time 0s "user-$$"
	taskshim delete "user-$$"
	taskshim explain "$scratch/bundle" >"$scratch/explained"
	expect_in explain 'uids 0 to 65535 are 100000 to 165535 on the host' "$(<"$scratch/explained")"
}

test_run_has_no_privileges()
{
	status taskshim run -- /bin/cat /proc/self/status
	for set in CapInh CapPrm CapEff CapBnd CapAmb; do
		grep -qx "$set:.0000000000000000" <<<"$output" || fail "$set is not empty"
	done
	grep -qx 'NoNewPrivs:.1' <<<"$output" || fail "no_new_privs is not set"
}

test_run_passes_the_exit_status_on()
{
	status taskshim run -- /bin/sh -c 'exit 42'
	expect status 42 "$status"
	status taskshim run --pid host -- /bin/sh -c 'kill -TERM $$; sleep 1' # pid 1 of a namespace would ignore it
	expect 'status after a signal' 143 "$status"
}

test_run_explains_a_missing_command()
{
	status taskshim run -- /nonexistent
	expect status 127 "$status"
	expect output '' "$output"
	expect_in errors 'taskshim: command: ' "$errors"
	expect_in errors /nonexistent "$errors"
}

test_run_explains_a_command_that_is_not_executable()
{
	status taskshim run -- /etc/passwd
	expect status 126 "$status"
	expect_in errors /etc/passwd "$errors"
}

test_run_takes_stdin_only_when_asked()
{
	expect 'with -i' hello "$(echo hello | taskshim run -i -- /bin/cat)"
	expect 'without' '' "$(echo hello | taskshim run -- /bin/cat)"
}

test_run_keeps_bytes_of_arguments()
{
	local odd=$'a b "c" \\ $HOME\tü\n*'
	expect argument "$odd" "$(taskshim run -- /bin/sh -c 'printf %s "$1"' sh "$odd")"
}

test_run_limits_memory_and_reports_it()
{
	status taskshim run --keep --id "e2e-oom-$$" --memory 16m -- \
		/bin/sh -c 'exec tail /dev/zero'
	expect status 137 "$status"
	status taskshim wait "e2e-oom-$$"
	expect 'wait status' 137 "$status"
	expect oomKilled True "$(field "$output" '["oomKilled"]')"
	taskshim delete "e2e-oom-$$"
}

test_detached_task_is_found_stopped_and_deleted()
{
	local id=e2e-$$ string
	string=$(taskshim run -d --id $id -- /bin/sh -c 'trap "exit 7" TERM; sleep 100 & wait')
	expect_in 'ID string' CGROUP: "$string"
	expect status running "$(field "$(taskshim state $id)" '["status"]')"
	expect 'status by ID string' running "$(field "$(taskshim state "$string")" '["status"]')"
	expect_in list $id "$(taskshim list)"
	taskshim stop --time 30s $id
	status taskshim wait $id
	expect 'wait status' 7 "$status"
	expect cause stopped "$(field "$(</run/taskshim/$id/exit.json)" '["cause"]')"
	expect grace 30000 "$(field "$(</run/taskshim/$id/exit.json)" '["stopGraceMs"]')"
	expect stopped stopped "$(field "$(taskshim state $id)" '["status"]')"
	taskshim delete $id
	status taskshim state $id
	[ "$status" != 0 ] || fail "the task is still there after delete"
}

test_detached_output_is_in_the_state_directory()
{
	local id=e2e-out-$$
	taskshim run -d --id $id -- /bin/sh -c 'echo out; echo err >&2' >/dev/null
	status taskshim wait $id
	expect 'wait status' 0 "$status"
	expect stdout out "$(cat /run/taskshim/$id/stdout)"
	expect stderr err "$(cat /run/taskshim/$id/stderr)"
	taskshim delete $id
}

test_an_id_is_taken_once()
{
	local id=e2e-twice-$$
	taskshim run -d --id $id -- /bin/sleep 100 >/dev/null
	status taskshim run --id $id -- /bin/true
	[ "$status" = 125 ] || fail "status $status"
	expect_in errors $id "$errors"
	expect 'the first runs on' running "$(field "$(taskshim state $id)" '["status"]')"
	taskshim delete --force $id
}

# Said once, with a status, however many lines are not written.
test_help_on_a_full_disk()
{
	for verb in '' run; do
		status sh -c "exec taskshim $verb --help >/dev/full"
		expect "status of $verb --help" 1 "$status"
		expect errors 'taskshim: usage: write to standard output: No space left on device' "$errors"
	done
}

test_bundle_create_start_delete()
{
	local id=e2e-bundle-$$ bundle=$scratch/bundle
	mkdir -p "$bundle"
	taskshim spec -b "$bundle"
	python3 - "$bundle/config.json" <<-'END'
		import json, sys
		config = json.load(open(sys.argv[1]))
		config["process"].update(args=["/bin/sleep", "100"], terminal=False)
		config.pop("root", None)
		config["taskshim"] = {"version": 1, "chroot": "host"}
		config.pop("mounts", None)
		config.get("linux", {}).pop("seccomp", None)
		json.dump(config, open(sys.argv[1], "w"))
	END
	status taskshim create -b "$bundle" --pid-file "$scratch/pid" $id
	expect "create: $errors" 0 "$status"
	expect 'output of create' '' "$output"
	expect created created "$(field "$(taskshim state $id)" '["status"]')"
	expect 'pid file' "$(field "$(taskshim state $id)" '["pid"]')" "$(cat "$scratch/pid")"
	taskshim start $id
	expect running running "$(field "$(taskshim state $id)" '["status"]')"
	taskshim kill $id KILL
	for _ in $(seq 100); do
		[ "$(field "$(taskshim state $id)" '["status"]')" != stopped ] || break
		sleep 0.05
	done
	taskshim delete $id
}

run_tests
