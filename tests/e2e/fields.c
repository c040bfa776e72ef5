/* Prints each property that the config's decoders read, one a line: what test_fields.py has to have a row for. */
#include "protocol/fields.h"

#include <stdio.h>

static void print(const char *path, const struct json_word *words, void *arg)
{
	(void)words;
	(void)arg;
	puts(path);
}

int main(void)
{
	config_list_fields(print, NULL);
	return 0;
}
