/* doctor: the cgroup hierarchies, their controllers, and what of them is ours to change. */
#include "shim/cmd/doctor.h"

#include "util/cgroup.h"
#include "util/fd.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>
#include <unistd.h>

struct controller_row {
	const char *name, *v1, *disables;
};

static const struct controller_row rows[] = {
	{"memory", "memory", "--memory, --memory-swap; OOM kills and memory are not counted"},
	{"cpu", "cpu", "--cpus, --cpu-shares"},
	{"cpuset", "cpuset", "linux.resources.cpu.cpus and mems"},
	{"io", "blkio", "--blkio-weight, linux.resources.blockIO"},
	{"pids", "pids", "--pids-limit"},
	{"hugetlb", "hugetlb", "linux.resources.hugepageLimits"},
	{"rdma", "rdma", "linux.resources.rdma"},
	{"misc", "misc", "misc.max of linux.resources.unified"},
};

static const char *const layout_names[] = {[TS_CGROUP_NONE] = "none",
					   [TS_CGROUP_V1] = "v1",
					   [TS_CGROUP_HYBRID] = "hybrid",
					   [TS_CGROUP_V2] = "v2"};

static bool has_word(const char *text, const char *word)
{
	size_t len = strlen(word);

	for (const char *at = text; (at = strstr(at, word)); at += len)
		if ((at == text || at[-1] == ' ') &&
		    (at[len] == ' ' || at[len] == '\n' || !at[len]))
			return true;
	return false;
}

/* The cgroup2 directory that this process is in: below @mount. Without cgroup namespaces' "/.." in it. */
static bool own_cgroup(const char *mount, char *ret, size_t size)
{
	char path[PATH_MAX];

	return ts_cgroup_v2_of(0, path) == 0 && !strstr(path, "/..") &&
	       (size_t)snprintf(ret, size, "%s%s", mount, path) < size;
}

/* Where tasks of this caller come: root's below the top, another's below the cgroup that was delegated to him. */
static void base_of_v2(const char *mount, char *ret, size_t size)
{
	if (getauxval(AT_EUID) == 0 || !own_cgroup(mount, ret, size))
		(void)snprintf(ret, size, "%s", mount);
}

static void add_v2(struct doctor *d, const char *mount, bool alone, bool found[])
{
	struct finding f = {.group = "cgroups",
			    .name = "unified",
			    .disables = alone ? "cgroups: limits, and --scope cgroup"
					      : "limits of the unified hierarchy",
			    .get = "run as root with /sys/fs/cgroup writable, or have a cgroup "
				   "delegated (systemd-run --user --scope -p Delegate=yes)"};
	char base[PATH_MAX], path[PATH_MAX + 32], text[512] = "";

	base_of_v2(mount, base, sizeof base);
	(void)snprintf(path, sizeof path, "%s/cgroup.controllers", base);
	(void)ts_read_text_at(AT_FDCWD, path, text, sizeof text);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		found[i] = found[i] || has_word(text, rows[i].name);
	doctor_add(d, &f, access(base, W_OK) == 0, "%s%s", base,
		   access(base, W_OK) == 0 ? " is writable" : " is not writable");
}

static void add_v1(bool found[], char *unwritable, size_t size)
{
	char path[PATH_MAX];
	size_t used = 0;

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		(void)snprintf(path, sizeof path, CGROUP_MOUNT "/%s/cgroup.procs", rows[i].v1);
		if (access(path, F_OK) < 0)
			continue;
		found[i] = true;
		(void)snprintf(path, sizeof path, CGROUP_MOUNT "/%s", rows[i].v1);
		if (access(path, W_OK) < 0)
			used += (size_t)snprintf(unwritable + used, used < size ? size - used : 0,
						 " %s", rows[i].v1);
	}
}

static void add_swap(struct doctor *d, enum ts_cgroup_layout layout, bool memory)
{
	static const struct finding f = {
		.group = "cgroups",
		.name = "swapAccounting",
		.disables = "--memory-swap, and swap in stats: a limit of it is a warning",
		.get = "boot with swapaccount=1 (CONFIG_SWAP, CONFIG_MEMCG)"};
	char path[PATH_MAX + 32], own[PATH_MAX];
	bool has;

	if (layout == TS_CGROUP_V2) {
		/* the top has no such file, and where we are at the top the kernel's word is that it has swap at all */
		has = own_cgroup(CGROUP_MOUNT, own, sizeof own);
		(void)snprintf(path, sizeof path, "%s/memory.swap.max", has ? own : CGROUP_MOUNT);
		if (has && strcmp(own, CGROUP_MOUNT "/") == 0)
			(void)snprintf(path, sizeof path, "/proc/swaps");
	} else {
		(void)snprintf(path, sizeof path,
			       CGROUP_MOUNT "/memory/memory.memsw.usage_in_bytes");
	}
	doctor_add(d, &f, memory && access(path, F_OK) == 0, "%s", "");
}

void doctor_cgroups(struct doctor *d)
{
	enum ts_cgroup_layout layout = ts_cgroup_layout(CGROUP_MOUNT);
	bool found[sizeof rows / sizeof rows[0]] = {false};
	char unwritable[512] = "";
	struct finding f = {
		.group = "cgroups",
		.name = "layout",
		.disables = "a default run: it needs a cgroup (--cgroup-manager disabled does "
			    "without), and every limit",
		.get = "mount -t cgroup2 none " CGROUP_MOUNT};

	doctor_add(d, &f, layout > TS_CGROUP_NONE, "%s",
		   layout < TS_CGROUP_NONE ? "unknown" : layout_names[layout]);
	if (layout == TS_CGROUP_V1 || layout == TS_CGROUP_HYBRID) {
		add_v1(found, unwritable, sizeof unwritable);
		f = (struct finding){.group = "cgroups",
				     .name = "writable",
				     .disables = "limits of these controllers",
				     .get = "run as root, with the hierarchies mounted rw"};
		doctor_add(d, &f, !unwritable[0], "%s%s", unwritable[0] ? "not" : "", unwritable);
	}
	if (layout == TS_CGROUP_V2 || layout == TS_CGROUP_HYBRID)
		add_v2(d, layout == TS_CGROUP_V2 ? CGROUP_MOUNT : CGROUP_MOUNT "/unified",
		       layout == TS_CGROUP_V2, found);
	add_swap(d, layout, found[0]);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		f = (struct finding){.group = "controllers",
				     .name = rows[i].name,
				     .disables = rows[i].disables,
				     .get = "a kernel with it, not in cgroup_disable= of the boot "
					    "parameters, and mounted or passed on to "
					    "cgroup.subtree_control of the cgroups above"};
		doctor_add(d, &f, found[i], "%s", "");
	}
}
