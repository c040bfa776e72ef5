/* Expands variables of args from the task's own environment. Pure. */
#include "spawn/interpolate.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool is_name_char(char c, bool first)
{
	return c == '_' || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       (!first && c >= '0' && c <= '9');
}

static size_t name_length(const char *at)
{
	size_t n = 0;

	while (is_name_char(at[n], n == 0))
		n++;
	return n;
}

static const char *find(const struct str_list *env, const char *name, size_t len)
{
	for (size_t i = 0; i < env->n; i++) /* the first one counts, as for getenv(3) */
		if (strncmp(env->v[i], name, len) == 0 && env->v[i][len] == '=')
			return env->v[i] + len + 1;
	return NULL;
}

/* At a '$': the value it stands for and *@ret_used, the bytes of the reference; NULL when it stays as written. */
static const char *reference(const char *at, const struct str_list *env, size_t *ret_used)
{
	bool braces = at[1] == '{';
	const char *name = at + (braces ? 2 : 1);
	size_t len = name_length(name);

	if (len == 0 || (braces && name[len] != '}'))
		return NULL;
	*ret_used = len + (braces ? 3 : 1);
	return find(env, name, len);
}

/* Writes the expansion of @arg to @to (NULL: only counts); returns its length. */
static size_t expand(const char *arg, const struct str_list *env, char *to)
{
	size_t n = 0;

	while (*arg) {
		size_t used = 1, len = 1;
		const char *from = arg, *value = *arg == '$' ? reference(arg, env, &used) : NULL;

		if (value) {
			from = value;
			len = strlen(value);
		} else {
			used = 1;
		}
		if (to)
			memcpy(to + n, from, len);
		n += len;
		arg += used;
	}
	if (to)
		to[n] = '\0';
	return n;
}

int interpolate(const struct str_list *args, const struct str_list *env, struct str_list *ret)
{
	const char **v = calloc(args->n + 1, sizeof *v);

	if (!v)
		return -ENOMEM;
	for (size_t i = 0; i < args->n; i++) {
		char *text = malloc(expand(args->v[i], env, NULL) + 1);

		if (!text) {
			while (i-- > 0)
				free((char *)v[i]);
			free(v);
			return -ENOMEM;
		}
		(void)expand(args->v[i], env, text);
		v[i] = text;
	}
	*ret = (struct str_list){.v = v, .n = args->n};
	return 0;
}
