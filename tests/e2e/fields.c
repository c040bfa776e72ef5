/* Prints each property that the config's decoders read, one a line, with the words that it takes, if it does: what test_fields.py has
 * to have a row for. */
#include "protocol/fields.h"

#include <stdio.h>

static void print(const char *path, const struct json_word *words, void *arg)
{
	(void)arg;
	printf("%s", path);
	for (; words && words->name; words++)
		printf(" %s", words->name);
	putchar('\n');
}

int main(void)
{
	config_list_fields(print, NULL);
	return 0;
}
