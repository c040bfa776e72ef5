/* Walks the tables that decode the config. See fields.h. */
#include "protocol/fields.h"

#include "protocol/config_tables.h"

#include <stdio.h>
#include <string.h>

struct walk {
	void (*found)(const char *path, const struct json_word *words, void *arg);
	void *arg;
};

static void walk_table(const struct walk *w, const char *up, const struct json_table *table)
{
	for (size_t i = 0; i < table->n_fields; i++) {
		const struct json_field *field = &table->fields[i];
		char path[JSON_PATH_TEXT];

		(void)snprintf(path, sizeof path, "%s%s%s", up, *up ? "." : "", field->name);
		w->found(path, field->words, w->arg);
		if (field->table)
			walk_table(w, path, field->table);
	}
}

void config_list_fields(void (*found)(const char *path, const struct json_word *words, void *arg),
			void *arg)
{
	const struct walk walk = {.found = found, .arg = arg};

	walk_table(&walk, "", &config_table);
}

struct search {
	const char *path;
	const struct json_word *words;
};

static void compare(const char *path, const struct json_word *words, void *arg)
{
	struct search *search = arg;

	if (strcmp(path, search->path) == 0)
		search->words = words;
}

const struct json_word *config_words(const char *path)
{
	struct search search = {.path = path};

	config_list_fields(compare, &search);
	return search.words;
}
