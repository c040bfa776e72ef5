/* Fuzzes what spawn-daemon reads from its parent: document_parse(), config_decode(),
 * config_check_supported(), config_list_unknown(). */
#include "protocol/config.h"
#include "protocol/stream.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* An error must say something, in a text that ends. */
static void check_error(const struct ts_error *e)
{
	if (e->msg[0] == '\0' || !memchr(e->msg, '\0', sizeof e->msg) || e->step != TS_STEP_CONFIG)
		abort();
}

static void found(const char *path, void *arg)
{
	size_t *total = arg;

	*total += strlen(path);
}

/* What the decoder promises in config.h. */
static void check_config(const struct config *c)
{
	size_t total = 0;

	if (c->process.args.n == 0 || c->process.args.v[0][0] == '\0' || c->process.cwd[0] != '/' ||
	    c->process.args.v[c->process.args.n] || !c->process.env.v ||
	    c->process.env.v[c->process.env.n])
		abort();
	for (size_t i = 0; i < c->n_mounts; i++)
		if (c->mounts[i].destination[0] != '/' || !c->mounts[i].type ||
		    c->mounts[i].parsed.data.v[c->mounts[i].parsed.data.n])
			abort();
	config_list_unknown(c->document, found, &total);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *document = NULL;
	struct config *config = NULL;
	struct ts_error e = {0};
	size_t total = 0;

	if (document_parse((const char *)data, size, &document, &e) < 0) {
		check_error(&e);
		return 0;
	}
	config_list_unknown(document, found, &total);
	if (config_decode(document, &config, &e) == 0) {
		check_config(config);
		if (config_check_supported(config, &e) < 0)
			check_error(&e);
	} else {
		check_error(&e);
	}
	json_object_put(document); /* before the config: it holds its own reference */
	config_free(config);
	return 0;
}
