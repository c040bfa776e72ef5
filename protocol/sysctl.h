/* The names of linux.sysctl: as sysctl(8) takes them, and which namespace keeps what is set away from the host. Pure. */
#ifndef PROTOCOL_SYSCTL_H
#define PROTOCOL_SYSCTL_H

#include "protocol/config.h"

enum { SYSCTL_PATH_MAX = 256 };

/* "net.ipv4.conf.eth0/7.forwarding" or "net/ipv4/conf/eth0.7/forwarding" -> "net/ipv4/conf/eth0.7/forwarding", a path below
 * /proc/sys: the first separator tells which of the two it is, the other one stands for itself. Returns 0, or -EINVAL (an
 * empty part, "." or ".."), or -ENAMETOOLONG. */
int sysctl_path(const char *name, char ret[static SYSCTL_PATH_MAX]);

/* The namespace that @path, as sysctl_path() makes it, belongs to; OCI_NS_COUNT: to none, it is the host's. */
enum oci_namespace_type sysctl_namespace(const char *path);

#endif
