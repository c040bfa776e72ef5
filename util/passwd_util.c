/* Parses the texts of passwd and group files. Pure. */
#include "util/passwd.h"

#include <stdint.h>
#include <string.h>

struct field {
	const char *at;
	size_t len;
};

enum { PASSWD_FIELDS = 7, GROUP_FIELDS = 4 };

/* Splits one line at its colons into at most @max fields (the last one keeps further colons); returns how many. */
static size_t split(const char *line, size_t len, struct field *fields, size_t max)
{
	size_t n = 0;

	while (n < max) {
		const char *colon = n + 1 < max ? memchr(line, ':', len) : NULL;
		size_t used = colon ? (size_t)(colon - line) : len;

		fields[n++] = (struct field){line, used};
		if (!colon)
			break;
		line += used + 1;
		len -= used + 1;
	}
	return n;
}

static const char *next_line(const char *line, size_t len)
{
	return line[len] ? line + len + 1 : NULL;
}

static bool equals(struct field field, const char *text)
{
	return field.len == strlen(text) && memcmp(field.at, text, field.len) == 0;
}

static void copy(char *to, size_t size, struct field field)
{
	size_t len = field.len < size ? field.len : size - 1;

	memcpy(to, field.at, len);
	to[len] = '\0';
}

bool ts_id_parse(const char *text, size_t len, unsigned *ret)
{
	uint64_t value = 0;

	if (len == 0 || len > 10)
		return false;
	for (size_t i = 0; i < len; i++) {
		if (text[i] < '0' || text[i] > '9')
			return false;
		value = value * 10 + (uint64_t)(text[i] - '0');
	}
	if (value >= UINT32_MAX)
		return false;
	*ret = (unsigned)value;
	return true;
}

bool ts_passwd_find(const char *text, const char *name, uid_t uid, struct ts_passwd *ret)
{
	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");
		struct field f[PASSWD_FIELDS];
		unsigned id, group;

		if (split(line, len, f, PASSWD_FIELDS) == PASSWD_FIELDS &&
		    ts_id_parse(f[2].at, f[2].len, &id) && ts_id_parse(f[3].at, f[3].len, &group) &&
		    f[0].len > 0 && (name ? equals(f[0], name) : id == uid)) {
			copy(ret->name, sizeof ret->name, f[0]);
			copy(ret->home, sizeof ret->home, f[5]);
			ret->uid = id;
			ret->gid = group;
			return true;
		}
		line = next_line(line, len);
	}
	return false;
}

bool ts_group_find(const char *text, const char *name, gid_t *ret)
{
	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");
		struct field f[GROUP_FIELDS];
		unsigned id;

		if (split(line, len, f, GROUP_FIELDS) >= 3 && f[0].len > 0 && equals(f[0], name) &&
		    ts_id_parse(f[2].at, f[2].len, &id)) {
			*ret = id;
			return true;
		}
		line = next_line(line, len);
	}
	return false;
}

static bool lists_member(struct field members, const char *user)
{
	while (members.len > 0) {
		const char *comma = memchr(members.at, ',', members.len);
		size_t len = comma ? (size_t)(comma - members.at) : members.len;

		if (equals((struct field){members.at, len}, user))
			return true;
		if (!comma)
			break;
		members.at += len + 1;
		members.len -= len + 1;
	}
	return false;
}

size_t ts_group_memberships(const char *text, const char *user, gid_t *ret, size_t max)
{
	size_t n = 0;

	for (const char *line = text; line && *line;) {
		size_t len = strcspn(line, "\n");
		struct field f[GROUP_FIELDS];
		unsigned id;

		if (split(line, len, f, GROUP_FIELDS) == GROUP_FIELDS && lists_member(f[3], user) &&
		    ts_id_parse(f[2].at, f[2].len, &id)) {
			if (n < max)
				ret[n] = id;
			n++;
		}
		line = next_line(line, len);
	}
	return n;
}
