/* What `taskshim doctor` finds out: a list of findings, which the parts below add to and doctor.c prints. */
#ifndef SHIM_CMD_DOCTOR_H
#define SHIM_CMD_DOCTOR_H

#include "shim/cmd/cmd.h"

enum { FINDINGS_MAX = 128 };

/* @group and @name are what a program reads in --json: they stay. */
struct finding {
	const char *group, *name;
	bool available;
	char detail[192]; /* what was seen */
	const char *disables,
		*get; /* where it is not available: what that disables, how to get it */
};

struct doctor {
	const struct global *global;
	struct finding v[FINDINGS_MAX];
	size_t n;
	bool works; /* a default run does */
	uint64_t run_us; /* how long that took */
};

/* Adds a finding. @format: the detail. */
void doctor_add(struct doctor *d, const struct finding *what, bool available, const char *format,
		...) __attribute__((format(printf, 4, 5)));

/* The parts, in the order of the report. They change nothing on the host; what has to be tried is tried in a child that ends. */
void doctor_namespaces(struct doctor *d); /* doctor_kernel.c */
void doctor_kernel(struct doctor *d);
void doctor_capabilities(struct doctor *d); /* doctor_host.c */
void doctor_cgroups(struct doctor *d); /* doctor_cgroup.c */
void doctor_host(struct doctor *d);

/* Runs @act in a child and returns what it returned (0 to 255), or -1: it could not be run, or was killed. */
int doctor_try(int (*act)(void *arg), void *arg);

/* The output, up to @size - 1 bytes, and the wait status of a program; -1: it could not be run. */
int doctor_capture(const char *const *argv, char *buf, size_t size);

#endif
