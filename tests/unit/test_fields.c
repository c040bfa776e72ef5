/* config_list_fields(), config_words() and the other words of the decoders. */
#include "tests/unit/unit.h"

#include "protocol/fields.h"
#include "tests/unit/full_config.h"

struct seen {
	const char *path;
	unsigned times;
};

static void count(const char *path, const struct json_word *words, void *arg)
{
	struct seen *seen = arg;

	(void)words;
	seen->times += strcmp(path, seen->path) == 0;
}

static unsigned times(const char *path)
{
	struct seen seen = {.path = path};

	config_list_fields(count, &seen);
	return seen.times;
}

/* The path as config_list_fields() has it of each property below @value; keys of maps and indexes are not in it. */
static void try_members(const char *up, struct json_object *value)
{
	if (json_object_is_type(value, json_type_array)) {
		for (size_t i = 0; i < json_object_array_length(value); i++)
			try_members(up, json_object_array_get_idx(value, i));
		return;
	}
	if (!json_object_is_type(value, json_type_object))
		return;
	json_object_object_foreach(value, key, member)
	{
		static const char *const maps[] = {"linux.netDevices", "linux.timeOffsets",
						   "linux.resources.rdma"};
		static const char *const texts[] = {"annotations", "linux.sysctl",
						    "linux.resources.unified", "taskshim.chroot",
						    "taskshim.cgroup"};
		char path[256];
		bool is_map = false;

		for (size_t i = 0; i < COUNT(texts); i++)
			if (strcmp(up, texts[i]) == 0)
				return;
		for (size_t i = 0; i < COUNT(maps); i++)
			is_map |= strcmp(up, maps[i]) == 0;
		snprintf(path, sizeof path, "%s%s%s", up, *up ? "." : "", key);
		if (!is_map)
			assert_row(path, times(path) == 1);
		try_members(is_map ? up : path, member);
	}
}

static void test_config_list_fields_has_each_property_of_a_full_config_once(void **state)
{
	struct json_object *document = parse_quoted(full_config);

	(void)state;
	try_members("", document);
	json_object_put(document);
	assert_int_equal(times("process.no_such"), 0);
}

static void test_config_words_are_those_of_the_field(void **state)
{
	const struct json_word *words = config_words("linux.namespaces.type");
	size_t n = 0;

	(void)state;
	assert_non_null(words);
	while (words[n].name)
		n++;
	assert_int_equal(n, 8);
	assert_string_equal(words[0].name, "pid");
	assert_non_null(config_words("process.rlimits.type"));
	assert_null(config_words("process.cwd"));
	assert_null(config_words("linux.namespaces"));
	assert_null(config_words("no.such"));
}

static void test_mount_option_word_lists_each_once(void **state)
{
	size_t n = 0;

	(void)state;
	for (; mount_option_word(n); n++)
		if (n > 0)
			assert_row(mount_option_word(n),
				   strcmp(mount_option_word(n - 1), mount_option_word(n)) < 0);
	assert_true(n > 60);
	assert_null(mount_option_word(n + 1000));
}

static void test_capability_word_is_the_name_or_null(void **state)
{
	char buf[CAPABILITY_NAME];

	(void)state;
	assert_string_equal(capability_word(0, buf), "CAP_CHOWN");
	assert_string_equal(capability_word(40, buf), "CAP_CHECKPOINT_RESTORE");
	assert_null(capability_word(63, buf));
	assert_null(capability_word(1000, buf));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_config_list_fields_has_each_property_of_a_full_config_once),
		cmocka_unit_test(test_config_words_are_those_of_the_field),
		cmocka_unit_test(test_mount_option_word_lists_each_once),
		cmocka_unit_test(test_capability_word_is_the_name_or_null),
	};

	return cmocka_run_group_tests_name("fields", tests, NULL, NULL);
}
