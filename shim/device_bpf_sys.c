/* bpf(2), as far as device rules need it: no library, since loading and attaching are one call each. */
#include "shim/device_rules.h"

#include "util/fd.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>

static int call(enum bpf_cmd command, union bpf_attr *attr)
{
	return (int)syscall(SYS_bpf, command, attr, sizeof *attr);
}

static int load(const struct bpf_insn *program, size_t n)
{
	union bpf_attr attr;
	int fd;

	memset(&attr, 0, sizeof attr);
	attr.prog_type = BPF_PROG_TYPE_CGROUP_DEVICE;
	attr.insns = (uintptr_t)program;
	attr.insn_cnt = (uint32_t)n;
	attr.license = (uintptr_t) "Apache-2.0";
	(void)strcpy(attr.prog_name, "taskshim");
	do /* the verifier stops for signals */
		fd = call(BPF_PROG_LOAD, &attr);
	while (fd < 0 && (errno == EAGAIN || errno == EINTR));
	return fd;
}

int device_rules_attach(const struct device_rules *rules, int dir_fd, struct ts_error *e)
{
	_cleanup_free_ struct bpf_insn *program = NULL;
	ssize_t n = device_rules_assemble(rules, &program);
	_cleanup_fd_ int fd = -1;
	union bpf_attr attr;

	e->step = TS_STEP_CGROUP;
	if (n < 0)
		return ts_fail(e, errno, "linux.resources.devices", "assemble");
	fd = load(program, (size_t)n);
	if (fd < 0)
		return ts_fail(e, errno, "linux.resources.devices: load a program of type",
			       "BPF_PROG_TYPE_CGROUP_DEVICE");
	memset(&attr, 0, sizeof attr);
	attr.target_fd = (uint32_t)dir_fd;
	attr.attach_bpf_fd = (uint32_t)fd;
	attr.attach_type = BPF_CGROUP_DEVICE;
	attr.attach_flags = BPF_F_ALLOW_MULTI; /* systemd may have one of its own there */
	if (call(BPF_PROG_ATTACH, &attr) < 0)
		return ts_fail(e, errno, "linux.resources.devices: attach to the cgroup", NULL);
	return 0;
}
