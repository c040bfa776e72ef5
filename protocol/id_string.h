/* ID strings: the recovery handles. design.md section 5. An ID string is input, not proof: whoever acts on one checks
 * the process's start time, the boot id, the cgroups' inodes and marks first. */
#ifndef PROTOCOL_ID_STRING_H
#define PROTOCOL_ID_STRING_H

#include "util/error.h"
#include "util/proc.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum {
	ID_STRING_MAX_CGROUPS = 24,
	ID_STRING_MAX = 3584 /* bytes: a `created` line holds it escaped, within 4096 */
};

struct id_cgroup {
	char *controller; /* "memory", "systemd", "unified" */
	char *path; /* absolute, on the host */
	uint64_t inode; /* 0: unknown (2015 form) */
};

struct id_string {
	char *id; /* task id; NULL in the PID forms and the 2015 form */
	char run_id[TS_RUN_ID_LEN + 1]; /* "" when not given */
	char boot_id[TS_BOOT_ID_LEN + 1]; /* "" when not given */
	pid_t pid; /* init; 0 when not given */
	uint64_t start_time; /* clock ticks since boot; 0 when not given */
	uint64_t pidfd_inode; /* of init's pidfds: ts_pidfd_open_checked(); 0 when not given */
	pid_t monitor_pid; /* 0: unmonitored */
	uint64_t monitor_start_time;
	char *state_dir; /* NULL: none */
	struct id_cgroup *cgroups;
	size_t n_cgroups;
	/* CGROUP: with the JSON of libcontainer's cgroup config of 2015. With `paths` in it, cgroups[] are those, inodes 0;
	 * else there is one, controller "", path "/<parent>/<name>" below each v1 hierarchy that has it. */
	bool is_2015;
};

/* Encodes "CGROUP:{...}" when there are cgroups or a state directory, else "PID:<pid>:<start>:<bootid>". Returns 0 and
 * *@ret (malloc'ed), or -1 with @e filled (ENAMETOOLONG when over ID_STRING_MAX, also counted as escaped in JSON). */
int id_string_encode(const struct id_string *id, char **ret, struct ts_error *e);

/* Decodes any of the forms: CGROUP:{ours}, CGROUP:{2015 libcontainer JSON}, PID:<pid>:<start>:<bootid>, PID:<pid>; one
 * trailing newline is accepted (2015 wrote it). Checks every field's form. Returns 0 and fills *@ret (to
 * id_string_done()), or -1 with @e filled. */
int id_string_decode(const char *text, struct id_string *ret, struct ts_error *e);

/* Whether @text has the prefix of an ID string, "CGROUP:" or "PID:" (a task id cannot: it has no ':'). */
bool id_string_is(const char *text);

void id_string_done(struct id_string *id);

#endif
