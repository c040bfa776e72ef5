/* Default mounts, masked and read-only paths. Tables. */
#include "spawn/defaults.h"

#include <sys/mount.h>

#define WORDS(...)                                                                                 \
	{                                                                                          \
		.v = (const char *[]){__VA_ARGS__, NULL},                                          \
		.n = sizeof((const char *[]){__VA_ARGS__}) / sizeof(const char *)                  \
	}
#define NO_WORDS                                                                                   \
	{                                                                                          \
		.v = (const char *[]){NULL}, .n = 0                                                \
	}

enum { SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV | MOUNT_ATTR_NOEXEC };

static const struct oci_mount default_mounts[] = {
	{.destination = "/proc",
	 .type = "proc",
	 .source = "proc",
	 .parsed = {.attr_set = SAFE, .data = NO_WORDS}},
	{.destination = "/dev",
	 .type = "tmpfs",
	 .source = "tmpfs",
	 .parsed = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
		    .data = WORDS("mode=755", "size=65536k")}},
	{.destination = "/dev/pts",
	 .type = "devpts",
	 .source = "devpts",
	 .parsed = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		    .data = WORDS("newinstance", "ptmxmode=0666", "mode=0620", "gid=5")}},
	{.destination = "/dev/shm",
	 .type = "tmpfs",
	 .source = "shm",
	 .parsed = {.attr_set = SAFE, .data = WORDS("mode=1777", "size=65536k")}},
	{.destination = "/dev/mqueue",
	 .type = "mqueue",
	 .source = "mqueue",
	 .parsed = {.attr_set = SAFE, .data = NO_WORDS}},
	{.destination = "/sys",
	 .type = "sysfs",
	 .source = "sysfs",
	 .parsed = {.attr_set = SAFE | MOUNT_ATTR_RDONLY, .data = NO_WORDS}},
};

static const struct str_list default_masked =
	WORDS("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	      "/sys/firmware", "/sys/devices/virtual/powercap");

static const struct str_list default_readonly =
	WORDS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

void defaults_apply(struct plan *plan)
{
	const struct config *config = plan->config;
	bool fill = config->taskshim.chroot != TS_CHROOT_NONE;

	plan->mounts = config->mounts;
	plan->n_mounts = config->n_mounts;
	plan->masked_paths = config->linux_.masked_paths;
	plan->readonly_paths = config->linux_.readonly_paths;
	if (fill && !config->mounts_set) {
		plan->mounts = default_mounts;
		plan->n_mounts = sizeof default_mounts / sizeof default_mounts[0];
	}
	if (fill && !config->linux_.masked_paths_set)
		plan->masked_paths = default_masked;
	if (fill && !config->linux_.readonly_paths_set)
		plan->readonly_paths = default_readonly;
}
