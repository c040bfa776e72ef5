/* Default mounts, masked and read-only paths. Tables: each start needs them, so what the words of the options mean stands beside
 * them and is not parsed; a unit test compares the two. */
#include "protocol/defaults.h"

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

enum { SAFE = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC | MOUNT_ATTR_NODEV };

const struct oci_mount default_mounts[DEFAULT_MOUNTS] = {
	{.destination = "/proc",
	 .type = "proc",
	 .source = "proc",
	 .options = WORDS("nosuid", "noexec", "nodev"),
	 .parsed = {.attr_set = SAFE, .data = NO_WORDS}},
	{.destination = "/dev",
	 .type = "tmpfs",
	 .source = "tmpfs",
	 .options = WORDS("nosuid", "strictatime", "mode=755", "size=65536k"),
	 .parsed = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_STRICTATIME,
		    .attr_clr = MOUNT_ATTR__ATIME,
		    .data = WORDS("mode=755", "size=65536k")}},
	{.destination = "/dev/pts",
	 .type = "devpts",
	 .source = "devpts",
	 .options = WORDS("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5"),
	 .parsed = {.attr_set = MOUNT_ATTR_NOSUID | MOUNT_ATTR_NOEXEC,
		    .data = WORDS("newinstance", "ptmxmode=0666", "mode=0620", "gid=5")}},
	{.destination = "/dev/shm",
	 .type = "tmpfs",
	 .source = "shm",
	 .options = WORDS("nosuid", "noexec", "nodev", "mode=1777", "size=65536k"),
	 .parsed = {.attr_set = SAFE, .data = WORDS("mode=1777", "size=65536k")}},
	{.destination = "/dev/mqueue",
	 .type = "mqueue",
	 .source = "mqueue",
	 .options = WORDS("nosuid", "noexec", "nodev"),
	 .parsed = {.attr_set = SAFE, .data = NO_WORDS}},
	{.destination = "/sys",
	 .type = "sysfs",
	 .source = "sysfs",
	 .options = WORDS("nosuid", "noexec", "nodev", "ro"),
	 .parsed = {.attr_set = SAFE | MOUNT_ATTR_RDONLY, .ro_superblock = true, .data = NO_WORDS}},
};

const struct str_list default_masked_paths =
	WORDS("/proc/acpi", "/proc/asound", "/proc/kcore", "/proc/keys", "/proc/latency_stats",
	      "/proc/timer_list", "/proc/timer_stats", "/proc/sched_debug", "/proc/scsi",
	      "/sys/firmware", "/sys/devices/virtual/powercap");

const struct str_list default_readonly_paths =
	WORDS("/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys", "/proc/sysrq-trigger");

const char *const default_host_names[] = {"bin",    "sbin", "lib", "lib32", "lib64",
					  "libx32", "usr",  "etc", "opt",   NULL};
