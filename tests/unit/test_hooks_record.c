/* protocol/hooks_record.c: hooks as they are run, and hooks.json there and back. */
#include "tests/unit/unit.h"

#include "protocol/hooks_record.h"
#include "tests/unit/full_config.h"

#include <errno.h>

static struct config *decode(const char *quoted)
{
	struct json_object *document = parse_quoted(quoted);
	struct config *config = NULL;
	struct ts_error e = {0};

	if (config_decode(document, &config, &e) < 0)
		fail_msg("%s: %s", quoted, e.msg);
	json_object_put(document);
	return config;
}

static void assert_words(const char *const *words, const char *joined)
{
	char text[256] = "";

	for (size_t i = 0; words[i]; i++) {
		append(text, sizeof text, i ? "|" : "");
		append(text, sizeof text, words[i]);
	}
	assert_string_equal(text, joined);
}

static void test_hooks_prepare_fills_what_oci_leaves_out(void **state)
{
	struct config *c = decode(full_config);
	struct hook *one = hooks_prepare(&c->hooks[OCI_HOOK_PRESTART]);
	struct hook *two = hooks_prepare(&c->hooks[OCI_HOOK_POSTSTOP]);

	(void)state;
	assert_string_equal(one[0].path, "/h0");
	assert_words(one[0].args, "h0|x");
	assert_words(one[0].env, "E=1");
	assert_int_equal(one[0].timeout_ms, 10000);
	assert_words(two[0].args, "/h5");
	assert_words(two[0].env, "");
	assert_int_equal(two[0].timeout_ms, 5000);
	assert_string_equal(two[1].path, "/h6");
	assert_words(two[1].args, "/h6");
	assert_words(two[1].env, "");
	assert_int_equal(two[1].timeout_ms, -1);
	free(one);
	free(two);
	config_free(c);
}

static void test_hooks_has_any(void **state)
{
	struct config *c = decode(full_config);

	(void)state;
	assert_true(hooks_has_any(c));
	config_free(c);
	c = decode(
		"{'process':{'args':['x']},'hooks':{'prestart':[]},'taskshim':{'chroot':'host'}}");
	assert_false(hooks_has_any(c));
	config_free(c);
}

static void test_hooks_state_is_the_rest_of_an_object(void **state)
{
	struct config *c = decode(full_config);
	char *rest = hooks_state(c, "web", "/b \"q\"");

	(void)state;
	assert_string_equal(rest,
			    "\"ociVersion\":\"1.2.0\",\"id\":\"web\",\"bundle\":\"/b \\\"q\\\"\","
			    "\"annotations\":{\"a.b/c\":\"x\",\"empty\":\"\"}}");
	free(rest);
	config_free(c);
	c = decode("{'process':{'args':['x']},'taskshim':{'chroot':'host'}}");
	rest = hooks_state(c, "web", "/b");
	assert_string_equal(rest, "\"ociVersion\":\"1.2.0\",\"id\":\"web\",\"bundle\":\"/b\"}");
	free(rest);
	config_free(c);
}

static void test_hooks_record_round_trip(void **state)
{
	struct config *c = decode(full_config);

	(void)state;
	for (int poststart = 0; poststart <= 1; poststart++) {
		struct json_object *object = hooks_record_encode(c, "web", "/b", poststart);
		struct json_object *again = parse(json_object_to_json_string(object));
		struct hooks_record record;
		struct ts_error e = {0};

		json_object_put(object);
		assert_int_equal(hooks_record_decode(again, &record, &e), 0);
		json_object_put(again); /* the record holds its own reference */
		assert_string_equal(record.bundle, "/b");
		assert_string_equal(record.state,
				    "\"ociVersion\":\"1.2.0\",\"id\":\"web\",\"bundle\":\"/b\","
				    "\"annotations\":{\"a.b/c\":\"x\",\"empty\":\"\"}}");
		assert_int_equal(record.poststart.n, poststart);
		if (poststart) {
			assert_string_equal(record.poststart.v[0].path, "/h4");
			assert_int_equal(record.poststart.v[0].timeout_s.value, 4);
		}
		assert_int_equal(record.poststop.n, 2);
		assert_string_equal(record.poststop.v[1].path, "/h6");
		assert_int_equal(record.poststop.v[1].args.n, 0);
		assert_false(record.poststop.v[1].timeout_s.set);
		hooks_record_done(&record);
	}
	config_free(c);
}

static const struct {
	const char *text, *error;
} refused[] = {
	{"[]", "document: expected an object, got an array"},
	{"{'version':2,'state':{'id':'x'}}",
	 "version: version 2 is not supported: this program knows version 1"},
	{"{'version':1}", "state: missing"},
	{"{'version':1,'state':{}}", "state: expected the task's state, got an object"},
	{"{'version':1,'state':'x'}", "state: expected the task's state, got a string"},
	{"{'version':1,'state':{'id':'x'},'poststop':[{'path':'h'}]}",
	 "poststop[0].path: \"h\" is not an absolute path"},
	{"{'version':1,'state':{'id':'x'},'poststop':{}}",
	 "poststop: expected an array, got an object"},
};

static void test_hooks_record_decode_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(refused); i++) {
		struct json_object *object = parse_quoted(refused[i].text);
		struct hooks_record record;
		struct ts_error e = {0};

		assert_row(refused[i].text, hooks_record_decode(object, &record, &e) == -1);
		assert_row_text(refused[i].text, e.msg, refused[i].error);
		json_object_put(object);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hooks_prepare_fills_what_oci_leaves_out),
		cmocka_unit_test(test_hooks_has_any),
		cmocka_unit_test(test_hooks_state_is_the_rest_of_an_object),
		cmocka_unit_test(test_hooks_record_round_trip),
		cmocka_unit_test(test_hooks_record_decode_refuses),
	};

	return cmocka_run_group_tests_name("hooks_record", tests, NULL, NULL);
}
