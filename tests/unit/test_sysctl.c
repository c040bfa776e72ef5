/* sysctl_path(), sysctl_namespace(). */
#include "tests/unit/unit.h"

#include "protocol/sysctl.h"

#include <errno.h>

/* path NULL: refused. type: with which namespace it goes. */
static const struct {
	const char *name, *path;
	enum oci_namespace_type type;
} rows[] = {
	{"net.ipv4.ip_forward", "net/ipv4/ip_forward", OCI_NS_NETWORK},
	{"net/ipv4/ip_forward", "net/ipv4/ip_forward", OCI_NS_NETWORK},
	{"net.ipv4.conf.eth0/7.forwarding", "net/ipv4/conf/eth0.7/forwarding", OCI_NS_NETWORK},
	{"net/ipv4/conf/eth0.7/forwarding", "net/ipv4/conf/eth0.7/forwarding", OCI_NS_NETWORK},
	{"kernel.msgmax", "kernel/msgmax", OCI_NS_IPC},
	{"kernel.msgmnb", "kernel/msgmnb", OCI_NS_IPC},
	{"kernel.msgmni", "kernel/msgmni", OCI_NS_IPC},
	{"kernel.sem", "kernel/sem", OCI_NS_IPC},
	{"kernel/shmall", "kernel/shmall", OCI_NS_IPC},
	{"kernel.shmmax", "kernel/shmmax", OCI_NS_IPC},
	{"kernel.shmmni", "kernel/shmmni", OCI_NS_IPC},
	{"kernel.shm_rmid_forced", "kernel/shm_rmid_forced", OCI_NS_IPC},
	{"kernel.shm_next_id", "kernel/shm_next_id", OCI_NS_IPC},
	{"fs.mqueue.msg_max", "fs/mqueue/msg_max", OCI_NS_IPC},
	{"kernel.hostname", "kernel/hostname", OCI_NS_UTS},
	{"kernel.domainname", "kernel/domainname", OCI_NS_UTS},
	{"kernel.panic", "kernel/panic", OCI_NS_COUNT},
	{"kernel.shmmax2", "kernel/shmmax2", OCI_NS_COUNT},
	{"kernel.core_pattern", "kernel/core_pattern", OCI_NS_COUNT},
	{"vm.swappiness", "vm/swappiness", OCI_NS_COUNT},
	{"fs.file-max", "fs/file-max", OCI_NS_COUNT},
	{"net", "net", OCI_NS_COUNT},
	{"fs.mqueue", "fs/mqueue", OCI_NS_COUNT},
	{"network.x", "network/x", OCI_NS_COUNT},
	/* what is a name in one form is none in the other */
	{"net.ipv4/ip_forward", "net/ipv4.ip_forward", OCI_NS_NETWORK},
	{"net.x.//.kernel", NULL, 0},
	{"", NULL, 0},
	{".", NULL, 0},
	{"/net/ipv4/ip_forward", NULL, 0},
	{".net.ipv4", NULL, 0},
	{"net..ipv4", NULL, 0},
	{"net//ipv4", NULL, 0},
	{"net.ipv4.", NULL, 0},
	{"net/ipv4/", NULL, 0},
	{"net/../kernel/panic", NULL, 0},
	{"net/./ipv4", NULL, 0},
	{"net/..", NULL, 0},
	{"net./.ipv4", NULL, 0},
	{"net.//.kernel.panic", NULL, 0},
};

static void test_sysctl_path_and_namespace_of_each_name(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char path[SYSCTL_PATH_MAX] = "";
		int r = sysctl_path(rows[i].name, path);

		if (!rows[i].path) {
			assert_row(rows[i].name, r == -EINVAL);
			continue;
		}
		assert_row(rows[i].name, r == 0);
		assert_row_text(rows[i].name, path, rows[i].path);
		assert_row(rows[i].name, sysctl_namespace(path) == rows[i].type);
	}
}

static void test_sysctl_path_too_long_is_refused(void **state)
{
	char name[SYSCTL_PATH_MAX + 1] = "net.", path[SYSCTL_PATH_MAX];

	(void)state;
	memset(name + 4, 'x', SYSCTL_PATH_MAX - 4);
	name[SYSCTL_PATH_MAX] = '\0';
	assert_int_equal(sysctl_path(name, path), -ENAMETOOLONG);
	name[SYSCTL_PATH_MAX - 1] = '\0';
	assert_int_equal(sysctl_path(name, path), 0);
	assert_int_equal(strlen(path), SYSCTL_PATH_MAX - 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_sysctl_path_and_namespace_of_each_name),
		cmocka_unit_test(test_sysctl_path_too_long_is_refused),
	};

	return cmocka_run_group_tests_name("sysctl", tests, NULL, NULL);
}
