/* Names of sysctls and their namespaces. */
#include "protocol/sysctl.h"

#include <errno.h>
#include <string.h>

static bool is_good_part(const char *part, size_t len)
{
	return len > 0 && !(len == 1 && part[0] == '.') &&
	       !(len == 2 && part[0] == '.' && part[1] == '.');
}

int sysctl_path(const char *name, char ret[static SYSCTL_PATH_MAX])
{
	const char *first = strpbrk(name, "./");
	bool dotted = first && *first == '.';
	size_t len = strlen(name);
	size_t part;

	if (len >= SYSCTL_PATH_MAX)
		return -ENAMETOOLONG;
	for (size_t i = 0; i <= len; i++)
		ret[i] = !dotted ? name[i] : name[i] == '.' ? '/' : name[i] == '/' ? '.' : name[i];
	for (const char *p = ret;; p += part + 1) {
		part = strcspn(p, "/");
		if (!is_good_part(p, part))
			return -EINVAL;
		if (p[part] == '\0')
			return 0;
	}
}

/* Of the ipc namespace: what Linux keeps in struct ipc_namespace. "kernel" has many others that are the machine's. */
static const char *const ipc_paths[] = {
	"kernel/msg_next_id", "kernel/msgmax", "kernel/msgmnb",		 "kernel/msgmni",
	"kernel/sem",	      "kernel/shmall", "kernel/sem_next_id",	 "kernel/shm_next_id",
	"kernel/shmmax",      "kernel/shmmni", "kernel/shm_rmid_forced",
};

enum oci_namespace_type sysctl_namespace(const char *path)
{
	static const char net[] = "net/", mqueue[] = "fs/mqueue/";

	if (strncmp(path, net, sizeof net - 1) == 0)
		return OCI_NS_NETWORK;
	if (strncmp(path, mqueue, sizeof mqueue - 1) == 0)
		return OCI_NS_IPC;
	if (strcmp(path, "kernel/hostname") == 0 || strcmp(path, "kernel/domainname") == 0)
		return OCI_NS_UTS;
	for (size_t i = 0; i < sizeof ipc_paths / sizeof ipc_paths[0]; i++)
		if (strcmp(path, ipc_paths[i]) == 0)
			return OCI_NS_IPC;
	return OCI_NS_COUNT;
}
