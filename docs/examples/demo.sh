#!/bin/sh
# `make run`: one task with its output, its ID string and its exit record. usage: demo.sh BUILD-DIRECTORY
set -eu
[ "$(id -u)" = 0 ] || {
	echo "make run: a task with its own root and cgroups needs root: sudo make run" >&2
	exit 1
}
id=demo-$$
file=$(mktemp)
trap 'rm -f "$file"' EXIT

say()
{
	printf '\n$ %s\n' "$*"
}

say "taskshim run --keep --id $id -- /bin/sh -c 'id; echo hello; ls /'"
"$1/taskshim" run --keep --id "$id" --id-file "$file" -- /bin/sh -c 'id; echo hello; ls /'
say "cat id-file   # what a driver keeps to find the task again"
cat "$file"
say "taskshim wait $id   # the exit record"
"$1/taskshim" wait "$id"
say "taskshim delete $id"
"$1/taskshim" delete "$id"
