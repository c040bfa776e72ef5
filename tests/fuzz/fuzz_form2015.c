/* Fuzzes the 2015 form: Go's unquoting, and the decoding of what it or the input itself holds. */
#include "protocol/form2015.h"
#include "protocol/stream.h"

#include <json-c/json.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void decode(const char *text, size_t len)
{
	struct json_object *document = NULL;
	struct form2015 *form = NULL;
	struct ts_error e = {0};

	if (document_parse(text, len, &document, &e) < 0)
		return;
	(void)form2015_is(document);
	if (form2015_decode(document, &form, &e) < 0) {
		if (e.msg[0] == '\0')
			abort();
	} else if (!form->path[0] || !form->args || !form->args[0]) {
		abort();
	}
	json_object_put(document);
	form2015_free(form);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1), *unquoted = NULL;
	struct ts_error e = {0};
	size_t len = 0;

	memcpy(text, data, size);
	text[size] = '\0';
	if (form2015_unquote(text, &unquoted, &len, &e) == 0) {
		if (len > size || unquoted[len] != '\0')
			abort();
		decode(unquoted, len);
		free(unquoted);
	} else {
		decode(text, size);
	}
	free(text);
	return 0;
}
