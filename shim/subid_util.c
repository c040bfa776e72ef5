/* Parses the texts of /etc/subuid and /etc/subgid: lines "NAME:FIRST:SIZE", NAME also as a number. Pure. */
#include "shim/subid.h"

#include "util/passwd.h"

#include <stddef.h>
#include <string.h>

static bool is_user(const char *text, size_t len, const char *name, unsigned uid)
{
	unsigned id;

	if (name && strlen(name) == len && memcmp(text, name, len) == 0)
		return true;
	return ts_id_parse(text, len, &id) && id == uid;
}

bool subid_find(const char *text, const char *name, unsigned uid, unsigned *ret_first,
		unsigned *ret_size)
{
	for (const char *line = text; *line; line += strcspn(line, "\n"), line += *line == '\n') {
		size_t user = strcspn(line, ":\n");
		const char *first = line + user + 1;
		size_t first_len = line[user] == ':' ? strcspn(first, ":\n") : 0;
		const char *size = first + first_len + 1;
		unsigned a, b;

		if (line[user] != ':' || first[first_len] != ':' ||
		    !is_user(line, user, name, uid) || !ts_id_parse(first, first_len, &a) ||
		    !ts_id_parse(size, strcspn(size, "\n"), &b) || b == 0)
			continue;
		*ret_first = a;
		*ret_size = b;
		return true;
	}
	return false;
}
