# Sourced by the end-to-end tests: runs every function named test_* in a subshell of its own and counts.
# A test fails when a command in it fails; skip REASON leaves it out.
# shellcheck shell=bash

set -u
top=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
build=${TS_BUILD:-$top/build}
scratch=$(mktemp -d /tmp/taskshim-e2e.XXXXXX)
chmod 0755 "$scratch"
trap clean_up EXIT
export SPAWN_DAEMON=$build/spawn-daemon
export PATH=$build:$PATH
export XDG_RUNTIME_DIR=

# Task ids of the tests end in -$$: what a failed test left.
clean_up()
{
	local left
	for left in /run/taskshim/*-"$$"; do
		[ ! -d "$left" ] || taskshim delete --force "${left##*/}"
	done
	rm -rf "$scratch"
}

skip()
{
	echo "SKIP: $*" >&3
	exit 77
}

fail()
{
	echo "failed: $*"
	exit 1
}

# expect WHAT WANTED GOT
expect()
{
	[ "$2" = "$3" ] || fail "$1: wanted <$2>, got <$3>"
}

# expect_in WHAT PART TEXT
expect_in()
{
	case $3 in *"$2"*) ;; *) fail "$1: no <$2> in <$3>" ;; esac
}

# status COMMAND...: its exit status in $status, its output in $output and $errors
status()
{
	status=0
	"$@" >"$scratch/out" 2>"$scratch/err" </dev/null || status=$?
	output=$(<"$scratch/out") errors=$(<"$scratch/err")
}

# field JSON EXPRESSION: e.g. field "$line" '["id"]'
field()
{
	python3 -c "import json,sys; print(json.loads(sys.argv[1])$2)" "$1"
}

run_tests()
{
	local passed=0 failed=0 skipped=0 tail='' name
	exec 3>&1
	for name in $(compgen -A function test_ | grep "${TS_TEST-}"); do # TS_TEST: those to run
		(set -e; "$name") >"$scratch/log" 2>&1
		case $? in
		0) echo "ok   $name"; passed=$((passed + 1)) ;;
		77) echo "skip $name"; skipped=$((skipped + 1)) ;;
		*) echo "FAIL $name"; sed 's/^/     /' "$scratch/log"; failed=$((failed + 1)) ;;
		esac
	done
	[ $skipped = 0 ] || tail=", $skipped skipped"
	echo "$passed passed, $failed failed$tail"
	[ $failed = 0 ]
}
