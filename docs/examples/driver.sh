#!/bin/sh
# The smallest driver: one command as a task, with a shell's own means. usage: driver.sh COMMAND [ARG...]
# The helper is spawn-daemon from $SPAWN_DAEMON or PATH. The task's output comes out on standard error, the helper's
# messages (JSON lines) on standard output; the exit status is the command's.
set -eu

quote() # a JSON string of $1, which must be UTF-8 without control characters
{
	printf '"%s"' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')"
}

args=
for word; do
	args="$args${args:+,}$(quote "$word")"
done
config='{"ociVersion":"1.2.0","process":{"args":['$args'],"cwd":"/","env":["PATH=/usr/bin:/bin"],"noNewPrivileges":true},
"linux":{"namespaces":[{"type":"pid"},{"type":"ipc"},{"type":"uts"},{"type":"mount"}]},
"taskshim":{"version":1,"chroot":"host","stdout":"fd:3","stderr":"fd:3"}}'

# The config, then the gate: true starts the command. A real driver reads the "created" line in between.
printf '%s\ntrue\n' "$config" | "${SPAWN_DAEMON:-spawn-daemon}" 3>&2
