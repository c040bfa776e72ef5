#!/usr/bin/env bash
# What a person reads who starts something that cannot be started: the step, the object, the reason, and a hint where one helps.
. "$(dirname "$0")/lib.sh"
# shellcheck disable=SC2016 # the messages have backquotes

w=$scratch/w
mkdir -p "$w/locked" "$w/dir"

# script TEXT: a script of that text at /w/script in the task
script()
{
	printf '%b' "$1" >"$w/script"
	chmod 755 "$w/script"
}

# message STATUS LINE FLAGS... -- CMD: what run says, first line; the hint is in $hint
message()
{
	local wanted=$1 line=$2
	shift 2
	status taskshim run --mount "$w:/w" "$@"
	expect "message of $*" "taskshim: $line" "$(head -n 1 <<<"$errors")"
	expect "status of $*" "$wanted" "$status"
	expect "output of $*" '' "$output"
	hint=$(sed -n 's/^taskshim: hint: //p' <<<"$errors")
	expect "nothing else in $errors" $((1 + (${#hint} > 0))) "$(wc -l <<<"$errors")"
}

# A copy of a dynamic program whose library loader is called otherwise.
program_without_loader()
{
	python3 - "$w/$1" <<-'END'
		import os, re, shutil, sys
		text = open(shutil.which("true"), "rb").read()
		other = re.sub(rb"/lib(64)?/ld-[a-z0-9-]*\.so\.", lambda m: m.group().replace(b"ld-", b"xx-"), text, count=1)
		assert other != text
		open(sys.argv[1], "wb").write(other)
		os.chmod(sys.argv[1], 0o755)
	END
	loader=$(grep -aoE '/lib(64)?/xx-[a-z0-9-]*\.so\.[0-9]' "$w/$1" | head -n 1)
}

test_no_such_command()
{
	message 127 'command: command not found: nope: No such file or directory' -- nope
	expect_in hint PATH "$hint"
	message 127 'command: command not found: /w/none/x: No such file or directory' -- /w/none/x
	ln -sf /nowhere/x "$w/link"
	message 127 'command: command /w/link is a link to what is not in the root: /nowhere/x: No such file or directory' -- /w/link
}

test_a_command_that_the_user_may_not_execute()
{
	cp "$(type -P true)" "$w/locked/true"
	chmod 700 "$w/locked"
	message 126 'command: command /w/locked/true: uid 65534, gid 65534 may not search /w/locked: Permission denied' -- /w/locked/true
	message 126 'command: command /w/locked/nope: uid 65534, gid 65534 may not search /w/locked: Permission denied' \
		--env PATH=/w/locked:/bin -- nope
	status taskshim run --mount "$w:/w" --user root -- /w/locked/true
	expect "status of root: $errors" 0 "$status"
	echo 'echo hello' >"$w/plain"
	chmod 640 "$w/plain"
	message 126 'command: command is not executable by uid 65534, gid 65534 (mode 0640): /w/plain: Permission denied' -- /w/plain
	message 126 'command: command is not executable by uid 65534, gid 65534 (mode 0640): /w/plain: Permission denied' \
		--env PATH=/bin:/w -- plain
	message 126 'command: command is a directory: /w/dir: Is a directory' -- /w/dir
	mkfifo -m 777 "$w/fifo"
	message 126 'command: command is not a regular file: /w/fifo: Permission denied' -- /w/fifo
}

test_noexec()
{
	cp "$(type -P true)" "$w/true"
	message 126 'command: command lies on a noexec mount: /n/true: Permission denied' \
		--mount "type=bind,source=$w,target=/n,noexec" -- /n/true
	script '#!/n/true\n'
	message 126 'exec: execute /w/script: its interpreter /n/true lies on a noexec mount: Permission denied' \
		--mount "type=bind,source=$w,target=/n,noexec" -- /w/script
}

test_interpreters()
{
	script '#!/nowhere/sh\n'
	message 126 'exec: execute /w/script: its interpreter is not in the root: /nowhere/sh: No such file or directory' -- /w/script
	expect_in hint --mount "$hint"
	script '#!/bin/sh\r\necho hello\r\n'
	message 126 'exec: execute /w/script: its #! line ends in a carriage return, which is no part of /bin/sh: save it with Unix line ends: No such file or directory' -- /w/script
	script '#!/bin/sh -e\r\necho hello\n'
	status taskshim run --mount "$w:/w" -- /w/script # that is sh's to complain about
	! grep -q '^taskshim' <<<"$errors" || fail "$errors"
	script '#!\n'
	message 126 'exec: execute /w/script: its #! line names no interpreter: Exec format error' -- /w/script
	script '#!/etc/passwd\n'
	message 126 'exec: execute /w/script: its interpreter is not executable: /etc/passwd: Permission denied' -- /w/script
}

test_library_loaders()
{
	program_without_loader other
	message 126 "exec: execute /w/other: its library loader is not in the root: $loader: No such file or directory" -- /w/other
	expect_in hint static "$hint"
	script '#!/w/other\n'
	message 126 "exec: execute /w/script: its interpreter /w/other: its library loader is not in the root: $loader: No such file or directory" -- /w/script
}

test_a_loader_of_32_bits()
{
	[ "$(uname -m)" = x86_64 ] || skip 'not on x86-64'
	python3 - "$w/half" <<-'END'
		import os, struct, sys
		path = b"/lib/ld-none.so.2\0"
		header = b"\x7fELF\1\1\1" + bytes(9) + struct.pack("<HHIIIIIHHHHHH", 2, 3, 1, 0x1000, 52, 0, 0, 52, 32, 1, 0, 0, 0)
		open(sys.argv[1], "wb").write(header + struct.pack("<8I", 3, 84, 84, 84, len(path), len(path), 4, 1) + path)
		os.chmod(sys.argv[1], 0o755)
	END
	status taskshim run --mount "$w:/w" -- /w/half
	expect status 126 "$status"
	case $errors in
	*'Exec format error'*) skip 'the kernel executes no i386 programs' ;;
	esac
	expect_in message 'exec: execute /w/half: its library loader is not in the root: /lib/ld-none.so.2: No such file or directory' "$errors"
}

test_what_is_no_program()
{
	script 'echo hello\n'
	message 126 'exec: execute /w/script: neither a program nor a script with a #! line: Exec format error' -- /w/script
	script ''
	message 126 'exec: execute /w/script: it is an empty file: Exec format error' -- /w/script
	script '\0177ELF\02\01'
	message 126 'exec: execute /w/script: it is a program cut short: Exec format error' -- /w/script
	case $(uname -m) in aarch64) machine=62 name=x86-64 ;; *) machine=183 name=AArch64 ;; esac
	python3 -c 'import sys; t = bytearray(open(sys.argv[1], "rb").read()); t[18] = int(sys.argv[3]); open(sys.argv[2], "wb").write(t)' \
		"$(type -P true)" "$w/script" $machine
	message 126 "exec: execute /w/script: it is built for $name: Exec format error" -- /w/script
}

test_users()
{
	message 125 "user: user not found in the root's /etc/passwd: nobody-here" --user nobody-here -- true
	expect_in hint number "$hint"
}

test_spawn_daemon_and_state()
{
	status taskshim --spawn-daemon "$scratch/none" run -- true
	expect_in message "taskshim: monitor: execute: $scratch/none: No such file or directory" "$errors"
	expect_in hint 'hint: spawn-daemon belongs beside taskshim' "$errors"
	mkdir "$scratch/ro"
	status unshare -m sh -c "mount -t tmpfs -o ro none $scratch/ro && exec taskshim --root $scratch/ro/root run -- true"
	expect_in hint 'hint: --root DIR' "$errors"
	taskshim run -d --id "twice-$$" -- sleep 1000 >"$scratch/id"
	status taskshim run --id "twice-$$" -- true
	expect_in hint 'hint: `taskshim list` shows that task' "$errors"
	taskshim delete --force "twice-$$"
}

test_what_the_host_forbids()
{
	status unshare -m sh -c 'mount -t tmpfs none /sys/fs/cgroup && exec taskshim run -- true'
	expect_in message 'taskshim: cgroup: no cgroup filesystem is mounted' "$errors"
	expect_in hint 'hint: `taskshim doctor`' "$errors"
	status setpriv --bounding-set -sys_admin --inh-caps -sys_admin taskshim --cgroup-manager disabled run -- true
	expect_in message 'taskshim: namespaces: clone3' "$errors"
	expect_in hint 'hint: `taskshim doctor`' "$errors"
	status setpriv --bounding-set -sys_admin --inh-caps -sys_admin taskshim run -- true
	expect_in message 'taskshim: cgroup: ' "$errors"
	expect_in hint 'hint: `taskshim doctor`' "$errors"
}

test_hints_are_not_in_the_log()
{
	status taskshim --log "$scratch/log" --log-format json run -- nope
	expect lines 1 "$(wc -l <"$scratch/log")"
	expect_in 'the log' 'command not found: nope' "$(<"$scratch/log")"
}

run_tests
