/* The names of what lies in a task's state directory, <root>/<id>: one table for those who write and those who read. */
#ifndef PROTOCOL_STATE_FILES_H
#define PROTOCOL_STATE_FILES_H

#define STATEDIR_CONFIG "config.json" /* what spawn-daemon was given */
#define STATEDIR_UNFINISHED                                                                        \
	".config.json" /* the same of an unmonitored task, until its creator has done its part */
#define STATEDIR_STATE "state.json" /* protocol/state.h */
#define STATEDIR_EXIT "exit.json" /* protocol/exit_record.h */
#define STATEDIR_EXIT_NEXT ".exit.json.next" /* its successor, preallocated, until it is renamed */
#define STATEDIR_GATE "gate" /* there until the task is started */
#define STATEDIR_STOP                                                                              \
	"stop.json" /* {"signal":15,"graceMs":5000}: who stops a task says so first; the first one counts */
#define STATEDIR_PAUSED                                                                            \
	"paused" /* while the task is paused: what is frozen is so because somebody wants it */
#define STATEDIR_PARENT                                                                            \
	".parent" /* symlink to the parent cgroup that is being made and not marked yet */
#define STATEDIR_HOOKS "hooks.json" /* protocol/hooks_record.h: hooks that are still to be run */
#define STATEDIR_NOTIFY "notify" /* directory: /run/notify of the task */
#define STATEDIR_STDOUT "stdout"
#define STATEDIR_STDERR "stderr"

#endif
