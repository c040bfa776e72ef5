/* Fuzzes ID strings: what decodes must encode, and decode to the same again. */
#include "protocol/id_string.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_again(const struct id_string *id)
{
	struct id_string again;
	char *text = NULL, *text2 = NULL;
	struct ts_error e = {0};

	if (id->is_2015 || id_string_encode(id, &text, &e) < 0)
		return;
	/* PID:<pid> has no longer form: nothing was known but the pid. */
	if (id->boot_id[0] != '\0' || id->state_dir || id->n_cgroups > 0) {
		if (id_string_decode(text, &again, &e) < 0 ||
		    id_string_encode(&again, &text2, &e) < 0 || strcmp(text, text2) != 0)
			abort();
		id_string_done(&again);
	}
	free(text);
	free(text2);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text = malloc(size + 1);
	struct id_string id;
	struct ts_error e = {0};

	memcpy(text, data, size);
	text[size] = '\0';
	if (id_string_decode(text, &id, &e) == 0) {
		if (!id_string_is(text) || (!id.is_2015 && id.pid <= 0))
			abort();
		check_again(&id);
		id_string_done(&id);
	} else if (e.msg[0] == '\0') {
		abort();
	}
	free(text);
	return 0;
}
