/* Fuzzes the way from linux.seccomp to a program: config_decode(), sysfilter_compile(), sysfilter_run(). */
#include "protocol/config.h"
#include "protocol/stream.h"
#include "spawn/seccomp_filter.h"

#include <json-c/json.h>
#include <linux/audit.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A config with @seccomp in it, which is taken over. */
static struct json_object *config_with(struct json_object *seccomp)
{
	static const char text[] = "{\"ociVersion\":\"1.2.0\",\"process\":{\"args\":[\"x\"],"
				   "\"cwd\":\"/\"},\"taskshim\":{\"chroot\":\"host\"}}";
	struct json_object *document = json_tokener_parse(text),
			   *section = json_object_new_object();

	if (json_object_object_add(section, "seccomp", seccomp) < 0 ||
	    json_object_object_add(document, "linux", section) < 0)
		abort();
	return document;
}

static uint32_t kind(enum oci_seccomp_action action)
{
	static const uint32_t kinds[] = {
		[OCI_SECCOMP_KILL_THREAD] = SECCOMP_RET_KILL_THREAD,
		[OCI_SECCOMP_KILL_PROCESS] = SECCOMP_RET_KILL_PROCESS,
		[OCI_SECCOMP_TRAP] = SECCOMP_RET_TRAP,
		[OCI_SECCOMP_ERRNO] = SECCOMP_RET_ERRNO,
		[OCI_SECCOMP_TRACE] = SECCOMP_RET_TRACE,
		[OCI_SECCOMP_ALLOW] = SECCOMP_RET_ALLOW,
		[OCI_SECCOMP_LOG] = SECCOMP_RET_LOG,
		[OCI_SECCOMP_NOTIFY] = SECCOMP_RET_USER_NOTIF,
	};

	return kinds[action];
}

/* Whatever is called, the answer is one of the config's. */
static void check_answer(const struct oci_seccomp *s, uint32_t answer)
{
	answer &= SECCOMP_RET_ACTION_FULL;
	if (answer == kind(s->default_action))
		return;
	for (size_t i = 0; i < s->n_syscalls; i++)
		if (answer == kind(s->syscalls[i].action))
			return;
	abort();
}

static void check_program(const struct oci_seccomp *s)
{
	struct seccomp_data data = {.arch = sysfilter_own_arch()};
	struct sock_filter *filter;
	struct ts_error e = {0};
	size_t n;

	if (sysfilter_compile(s, &filter, &n, &e) < 0) {
		if (e.step != TS_STEP_SECCOMP || e.msg[0] == '\0')
			abort();
		return;
	}
	for (data.nr = 0; data.nr < 460; data.nr++) {
		for (size_t i = 0; i < 6; i++) /* what a condition may be about */
			data.args[i] = s->n_syscalls && s->syscalls[0].n_args
					       ? s->syscalls[0].args[0].value + i
					       : (uint64_t)data.nr << (10 * i);
		check_answer(s, sysfilter_run(filter, n, &data));
	}
	data.arch = AUDIT_ARCH_S390X; /* never in: other bytes first */
	if (sysfilter_run(filter, n, &data) != SECCOMP_RET_KILL_THREAD)
		abort();
	free(filter);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_object *seccomp = NULL, *document;
	struct config *config = NULL;
	struct ts_error e = {0};

	if (document_parse((const char *)data, size, &seccomp, &e) < 0)
		return 0;
	document = config_with(seccomp);
	if (config_decode(document, &config, &e) == 0) {
		if (config->linux_.seccomp.set)
			check_program(&config->linux_.seccomp);
		config_free(config);
	}
	json_object_put(document);
	return 0;
}
