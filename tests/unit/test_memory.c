/* What happens when memory runs out: each allocation of each decoder and encoder is refused in turn. All of them must
 * answer with an error, or, where they can do without, with the right result. This program brings its own malloc(3)
 * family, so it does nothing in sanitized builds, which bring theirs. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "protocol/form2015.h"
#include "protocol/hooks_record.h"
#include "protocol/id_string.h"
#include "protocol/message.h"
#include "protocol/state.h"
#include "tests/unit/full_config.h"

#include <errno.h>

#ifdef TASKSHIM_SANITIZED

static void refuse_after(long n)
{
	(void)n;
}

static bool was_refused(void)
{
	return false;
}

#else

/* glibc's own names for its functions. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t n, size_t size);
void *__libc_realloc(void *p, size_t size);
void __libc_free(void *p);

static long countdown = -1; /* -1: refuse nothing */
static bool refused;

static bool refuse(void)
{
	if (countdown < 0 || countdown-- > 0)
		return false;
	refused = true;
	errno = ENOMEM;
	return true;
}

void *malloc(size_t size)
{
	return refuse() ? NULL : __libc_malloc(size);
}

void *calloc(size_t n, size_t size)
{
	return refuse() ? NULL : __libc_calloc(n, size);
}

void *realloc(void *p, size_t size)
{
	return refuse() ? NULL : __libc_realloc(p, size);
}

void free(void *p)
{
	__libc_free(p);
}

static void refuse_after(long n)
{
	countdown = n;
	refused = false;
}

static bool was_refused(void)
{
	countdown = -1;
	return refused;
}

#endif

/* Does one thing, and says whether it went well. What it made it compares with what it should have made. */
typedef bool attempt_fn(void *arg);

/* Refuses one allocation of @attempt after the other, until it makes no more. */
static void sweep(attempt_fn *attempt, void *arg)
{
	for (long n = 0;; n++) {
		bool ok;

		refuse_after(n);
		ok = attempt(arg);
		if (!was_refused()) {
			assert_true(ok);
			return;
		}
	}
}

static char *full_text(void)
{
	char *text = strdup(full_config);

	for (char *c = text; *c; c++)
		*c = *c == '\'' ? '"' : *c;
	return text;
}

/* --- the attempts --- */

static bool attempt_parse(void *arg)
{
	struct json_object *object = NULL;
	struct ts_error e = {0};
	int result = document_parse(arg, strlen(arg), &object, &e);

	if (result < 0) {
		assert_int_equal(e.err, ENOMEM);
		assert_string_equal(e.msg, "out of memory");
	}
	json_object_put(object);
	return result == 0;
}

static bool attempt_config(void *arg)
{
	struct config *config = NULL;
	struct ts_error e = {0};
	int result = config_decode(arg, &config, &e);

	if (result < 0)
		assert_int_equal(e.err, ENOMEM);
	config_free(config);
	return result == 0;
}

static bool attempt_form2015(void *arg)
{
	struct form2015 *form = NULL;
	struct ts_error e = {0};
	int result = form2015_decode(arg, &form, &e);

	form2015_free(form);
	return result == 0;
}

static bool attempt_unquote(void *arg)
{
	char *text = NULL;
	size_t len;
	struct ts_error e = {0};
	int result = form2015_unquote(arg, &text, &len, &e);

	free(text);
	return result == 0;
}

/* Decodes and encodes again. */
static bool attempt_id_string(void *arg)
{
	struct id_string id;
	char *text = NULL;
	struct ts_error e = {0};
	int result = id_string_decode(arg, &id, &e);

	if (result < 0)
		return false;
	result = id_string_encode(&id, &text, &e);
	if (result == 0 && !id.is_2015)
		assert_string_equal(text, arg);
	free(text);
	id_string_done(&id);
	return result == 0;
}

static bool attempt_message(void *arg)
{
	struct message message;
	struct ts_error e = {0};
	int result = message_decode(arg, strlen(arg), &message, &e);

	if (result == 0)
		message_done(&message);
	return result == 0;
}

static bool attempt_exited_line(void *arg)
{
	static const char end[] = "\"finishedAt\":null,\"runtimeMs\":null,\"usage\":null}\n";
	char line[MESSAGE_MAX];
	ssize_t len = message_exited(line, arg);

	if (len > 0) {
		assert_true(len > 200);
		assert_memory_equal(line + len - strlen(end), end, strlen(end));
	}
	return len > 0;
}

static bool attempt_created_line(void *arg)
{
	char line[MESSAGE_MAX];
	ssize_t len = message_created(line, 1, 2, arg);

	if (len > 0)
		assert_memory_equal(
			line,
			"{\"type\":\"created\",\"pid\":1,\"monitorPid\":2,\"id\":\"a\\\\xFF\"}\n",
			(size_t)len);
	return len > 0;
}

static bool attempt_state(void *arg)
{
	struct json_object *object = state_encode(arg);
	struct state back;
	struct ts_error e = {0};
	int result = object ? state_decode(object, &back, &e) : -1;

	if (result == 0)
		state_done(&back);
	json_object_put(object);
	return result == 0;
}

/* hooks.json there and back, and what hooks get. */
static bool attempt_hooks(void *arg)
{
	struct json_object *object = hooks_record_encode(arg, "x", "/x", true);
	char *rest = hooks_state(arg, "x", "/x");
	struct hooks_record back = {0};
	struct ts_error e = {0};
	struct hook *hooks = NULL;
	bool ok = object && rest && hooks_record_decode(object, &back, &e) == 0;

	if (ok) {
		assert_string_equal(back.state, rest);
		assert_int_equal(back.poststop.n, 2);
		hooks = hooks_prepare(&back.poststop);
		ok = hooks != NULL;
		free(hooks);
		hooks_record_done(&back);
	}
	free(rest);
	json_object_put(object);
	return ok;
}

/* --- the tests --- */

static void test_decoders_refuse_when_memory_runs_out(void **state)
{
	char *text = full_text();
	struct json_object *document = parse(text);
	struct json_object *form = parse_quoted(
		"{'Path':'/x','Env':['a'],'SysProcAttr':{'Credential':{'Groups':[1,2]}}}");
	char quoted[] = "\"{}\"",
	     escapes[] = "{\"a\\n\":[1.5,\"\\u00e9\"],\"0123456789012345678901234567"
			 "890123456789012345678901234567890123456789\":null}";

	(void)state;
	sweep(attempt_parse, text);
	sweep(attempt_parse, escapes);
	sweep(attempt_config, document);
	sweep(attempt_form2015, form);
	sweep(attempt_unquote, quoted);
	json_object_put(document);
	json_object_put(form);
	free(text);
}

static void test_id_strings_and_messages_refuse_when_memory_runs_out(void **state)
{
	char ours[] =
		"CGROUP:{\"version\":1,\"id\":\"x\",\"runId\":\"\",\"bootId\":\"\",\"pid\":1,"
		"\"startTime\":1,\"stateDir\":\"/x\",\"cgroups\":{\"memory\":{\"path\":\"/x\","
		"\"inode\":1}}}";
	char of_2015[] = "CGROUP:{\"name\":\"a\",\"parent\":\"b\"}";
	char of_2015_paths[] = "CGROUP:{\"name\":\"a\",\"paths\":{\"cpu\":\"/b\"}}";
	char created[] = "{\"type\":\"created\",\"pid\":1,\"id\":\"PID:1\"}";
	char exited[] = "{\"type\":\"exited\",\"id\":\"x\",\"known\":false,\"usage\":{}}";
	char id[] = "x", not_utf8[] = "a\xff";
	struct exit_record record = {.id = id, .started_at = {5, 5}};
	struct state s = {.id = id, .id_string = id, .bundle = id, .owner = id, .kill_signal = 1};

	(void)state;
	sweep(attempt_id_string, ours);
	sweep(attempt_id_string, of_2015);
	sweep(attempt_id_string, of_2015_paths);
	sweep(attempt_message, created);
	sweep(attempt_message, exited);
	sweep(attempt_exited_line, &record);
	sweep(attempt_created_line, not_utf8);
	sweep(attempt_state, &s);
}

static void test_hooks_refuse_when_memory_runs_out(void **state)
{
	char *text = full_text();
	struct json_object *document = parse(text);
	struct config *config = NULL;
	struct ts_error e = {0};

	(void)state;
	assert_int_equal(config_decode(document, &config, &e), 0);
	sweep(attempt_hooks, config);
	config_free(config);
	json_object_put(document);
	free(text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_decoders_refuse_when_memory_runs_out),
		cmocka_unit_test(test_id_strings_and_messages_refuse_when_memory_runs_out),
		cmocka_unit_test(test_hooks_refuse_when_memory_runs_out),
	};

	return cmocka_run_group_tests_name("memory", tests, NULL, NULL);
}
