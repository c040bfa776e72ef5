# Sourced by the tests that run in the virtual machine alone (tests/vm/run): pure cgroup v2 with every controller, a clock
# that may be set.
# shellcheck shell=bash

if ! grep -qz '/tests/vm/guest$' /proc/1/cmdline; then
	echo "SKIP: only for the virtual machine: make check-vm"
	echo "0 passed, 0 failed, 1 skipped"
	exit 0
fi
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/../e2e/lib.sh"
cgroups=/sys/fs/cgroup
id=vm-$$

# make_bundle EXPRESSION: $scratch/bundle/config.json, of `taskshim spec`, after the Python statement has changed "c"
make_bundle()
{
	mkdir -p "$scratch/bundle"
	taskshim spec | python3 -c 'import json, sys
c = json.load(sys.stdin)
c["process"]["args"] = ["/bin/sleep", "1000"]
exec(sys.argv[1])
json.dump(c, open(sys.argv[2], "w"))' "$1" "$scratch/bundle/config.json"
}

# wait_for WHAT COMMAND...: until it succeeds
wait_for()
{
	local what=$1
	shift
	for _ in $(seq 600); do
		! "$@" || return 0
		sleep 0.1
	done
	fail "$what: not within a minute"
}
