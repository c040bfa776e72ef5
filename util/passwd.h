/* passwd(5) and group(5) as texts: the files of a task's root are parsed as files, never through NSS, which would answer
 * for the host and load libraries from who knows where. Pure. */
#ifndef UTIL_PASSWD_H
#define UTIL_PASSWD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

struct ts_passwd {
	char name[256];
	uid_t uid;
	gid_t gid;
	char home[1024];
};

/* Finds @name (or, when NULL, @uid) in the text of a passwd file; malformed lines are passed over. The first match
 * counts, as in getpwnam(3). Returns whether it was found. */
bool ts_passwd_find(const char *text, const char *name, uid_t uid, struct ts_passwd *ret);

/* Finds the group @name in the text of a group file. Returns whether it was found. */
bool ts_group_find(const char *text, const char *name, gid_t *ret);

/* The groups that list @user as a member. Writes at most @max of them to @ret. Returns how many there are. */
size_t ts_group_memberships(const char *text, const char *user, gid_t *ret, size_t max);

/* Reads a uid or gid: decimal digits alone, at most 4294967294 (-1 means "no change" to the kernel). Returns whether
 * @text is one. */
bool ts_id_parse(const char *text, size_t len, unsigned *ret);

#endif
