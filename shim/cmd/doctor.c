/* taskshim doctor: what this host offers to tasks, what it lacks, what that disables and how to get it. */
#include "shim/cmd/doctor.h"
#include "shim/cmd/text.h"

#include "protocol/json_write.h"
#include "util/fd.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

enum { DOCUMENT_VERSION = 1 };

static int doctor_main(const struct global *global, int argc, char **argv);

const struct verb verb_doctor = {
	.name = "doctor",
	.run = doctor_main,
	.failed = EXIT_FAILED,
	.synopsis = "doctor [--json]",
	.summary = "check what this host offers to tasks, and what it lacks",
	.help = "Tries what tasks need of the kernel and of the host, and does one default `run`. "
		"For what is missing it says\n"
		"what that disables and how to get it. Status 0 iff the default run works.\n"
		"  --json   as a document for programs (see taskshim(1))\n",
};

void doctor_add(struct doctor *d, const struct finding *what, bool available, const char *format,
		...)
{
	struct finding *f;
	va_list ap;

	if (d->n == FINDINGS_MAX)
		return;
	f = &d->v[d->n++];
	*f = *what;
	f->available = available;
	va_start(ap, format);
	(void)vsnprintf(f->detail, sizeof f->detail, format, ap);
	va_end(ap);
}

/* --- a default run --- */

static void try_run(struct doctor *d)
{
	static const struct finding f = {.group = "run",
					 .name = "default",
					 .disables = "`taskshim run -- CMD` without options",
					 .get = "see its message, and what is missing above"};
	const struct global *g = d->global;
	char self[PATH_MAX], text[192];
	const char *argv[16] = {self};
	struct timespec before, after;
	size_t n = 1;
	ssize_t len = readlink("/proc/self/exe", self, sizeof self - 1);
	int status;

	self[len > 0 ? len : 0] = '\0';
	if (g->root) {
		argv[n++] = "--root";
		argv[n++] = g->root;
	}
	if (g->spawn_daemon) {
		argv[n++] = "--spawn-daemon";
		argv[n++] = g->spawn_daemon;
	}
	if (g->no_cgroups)
		argv[n++] = "--cgroup-manager=disabled";
	argv[n++] = g->rootless ? "--rootless=true" : "--rootless=false";
	argv[n++] = "run";
	argv[n++] = "--";
	argv[n++] = "true";
	(void)clock_gettime(CLOCK_MONOTONIC, &before);
	status = doctor_capture(argv, text, sizeof text);
	(void)clock_gettime(CLOCK_MONOTONIC, &after);
	d->works = status == 0;
	d->run_us = (uint64_t)(after.tv_sec - before.tv_sec) * 1000000 +
		    (uint64_t)(after.tv_nsec / 1000) - (uint64_t)(before.tv_nsec / 1000);
	text[strcspn(text, "\n")] = '\0';
	if (d->works)
		doctor_add(d, &f, true, "%llu.%llu ms", (unsigned long long)d->run_us / 1000,
			   (unsigned long long)d->run_us / 100 % 10);
	else
		doctor_add(d, &f, false, "%s", status < 0 ? ts_errno_text(errno) : text);
}

/* --- output --- */

struct colours {
	const char *good, *bad, *off;
};

/* On a terminal, unless no-color.org's variable asks for none. */
static struct colours choose_colours(void)
{
	const char *no = secure_getenv("NO_COLOR");
	const char *term = secure_getenv("TERM");

	if (!isatty(STDOUT_FILENO) || (no && *no) || (term && strcmp(term, "dumb") == 0))
		return (struct colours){"", "", ""};
	return (struct colours){"\033[32m", "\033[31m", "\033[0m"};
}

static bool same_group(const struct doctor *d, size_t a, size_t b)
{
	return strcmp(d->v[a].group, d->v[b].group) == 0;
}

/* What is there: one line for each group, with the details that say more than yes. */
static void print_available(const struct doctor *d, struct text *text, const struct colours *c)
{
	for (size_t i = 0, first; i < d->n; i = first) {
		bool any = false;

		for (first = i; first < d->n && same_group(d, first, i); first++) {
			const struct finding *f = &d->v[first];

			if (!f->available)
				continue;
			text_addf(text, any ? ", %s%s%s" : "%s%-13s%s ", any ? "" : c->good,
				  any ? "" : f->group, any ? "" : c->off);
			text_addf(text, "%s%s%s%s", f->name, f->detail[0] ? " (" : "", f->detail,
				  f->detail[0] ? ")" : "");
			any = true;
		}
		if (any)
			text_addf(text, "\n");
	}
}

static const struct finding *next_missing(const struct doctor *d, size_t after)
{
	for (size_t i = after; i < d->n; i++)
		if (!d->v[i].available)
			return &d->v[i];
	return NULL;
}

/* What neighbours are got by in one way is said behind the last of them. */
static void print_missing(const struct doctor *d, struct text *text, const struct colours *c)
{
	for (size_t i = 0; i < d->n; i++) {
		const struct finding *f = &d->v[i], *next = next_missing(d, i + 1);

		if (f->available)
			continue;
		text_addf(text, "%smissing%s       %s %s%s%s\n", c->bad, c->off, f->group, f->name,
			  f->detail[0] ? ": " : "", f->detail);
		text_addf(text, "  disables    %s\n", f->disables);
		if (!next || strcmp(next->get, f->get) != 0)
			text_addf(text, "  to get it   %s\n", f->get);
	}
}

static int print_table(const struct doctor *d)
{
	struct colours c = choose_colours();
	struct text text = {0};
	struct utsname kernel;

	(void)uname(&kernel);
	text_addf(&text, "taskshim " TASKSHIM_VERSION ", Linux %s, %s, uid %lu\n", kernel.release,
		  kernel.machine, getauxval(AT_EUID));
	print_available(d, &text, &c);
	print_missing(d, &text, &c);
	text_addf(&text, "%s%s%s\n", d->works ? c.good : c.bad,
		  d->works ? "a default run works" : "a default run does not work", c.off);
	return text_print(&text);
}

static struct json_object *finding_json(const struct finding *f)
{
	struct json_writer w = json_writer_new();

	json_add_bool(&w, "available", f->available);
	json_add(&w, "detail", json_text_new(f->detail));
	if (!f->available) {
		json_add_text(&w, "disables", f->disables);
		json_add_text(&w, "get", f->get);
	}
	return w.object;
}

static int print_document(const struct doctor *d)
{
	struct json_writer w = json_writer_new();
	struct utsname kernel;
	int r;

	(void)uname(&kernel);
	json_add_u64(&w, "version", DOCUMENT_VERSION);
	json_add_text(&w, "taskshim", TASKSHIM_VERSION);
	json_add_text(&w, "kernel", kernel.release);
	json_add_text(&w, "machine", kernel.machine);
	json_add_u64(&w, "uid", getauxval(AT_EUID));
	json_add_bool(&w, "works", d->works);
	json_add_u64(&w, "runMicroseconds", d->run_us);
	for (size_t i = 0; i < d->n;) {
		struct json_writer group = json_writer_new();
		const char *name = d->v[i].group;

		for (; i < d->n && strcmp(d->v[i].group, name) == 0; i++)
			json_add_copied(&group, d->v[i].name, finding_json(&d->v[i]));
		json_add_copied(&w, name, group.object);
	}
	r = w.object ? print_json(w.object) : usage_error(d->global, "out of memory");
	json_object_put(w.object);
	return r;
}

static int doctor_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {
		{"json", no_argument, NULL, 'j'}, {"help", no_argument, NULL, 'h'}, {0}};
	struct doctor d = {.global = global};
	bool json = false;
	int option, status = 0;

	while ((option = option_next(global, argc, argv, "+:h", options, &status)) >= 0)
		json = true;
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 0, 0) < 0)
		return EXIT_FAILED;
	doctor_namespaces(&d);
	doctor_capabilities(&d);
	doctor_cgroups(&d);
	doctor_kernel(&d);
	doctor_host(&d);
	try_run(&d);
	return (json ? print_document(&d) : print_table(&d)) == 0 && d.works ? 0 : EXIT_FAILED;
}
