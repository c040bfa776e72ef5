/* How the kernel treats the command: scheduler, I/O priority, cpus, memory policy, personality. What the config does not name
 * stays as the operator set it. All of it is kept across execve(2). */
#include "spawn/steps.h"

#include <errno.h>
#include <linux/ioprio.h>
#include <linux/sched/types.h>
#include <stdio.h>
#include <string.h>
#include <sys/personality.h>
#include <sys/syscall.h>
#include <unistd.h>

static const char *scheduler_hint(int err)
{
	switch (err) {
	case EPERM:
		return "no CAP_SYS_NICE, or no real-time runtime in the cpu cgroup";
	case EBUSY:
		return "more runtime than is left";
	case EINVAL:
		return "not a policy of this kernel, or values that it refuses";
	default:
		return NULL;
	}
}

static int set_scheduler(const struct oci_scheduler *s, struct ts_error *e)
{
	struct sched_attr attr = {
		.size = sizeof attr,
		.sched_policy = (uint32_t)s->policy,
		.sched_flags = s->flags,
		.sched_nice = (int32_t)s->nice,
		.sched_priority = (uint32_t)s->priority,
		.sched_runtime = s->runtime,
		.sched_deadline = s->deadline,
		.sched_period = s->period,
	};
	const char *hint;

	if (syscall(SYS_sched_setattr, 0, &attr, 0) == 0)
		return 0;
	hint = scheduler_hint(errno);
	return ts_failf(e, errno, "process.scheduler: set %s%s%s%s",
			scheduler_policy_name(s->policy), hint ? " (" : "", hint ? hint : "",
			hint ? ")" : "");
}

static int set_io_priority(const struct oci_io_priority *p, struct ts_error *e)
{
	if (syscall(SYS_ioprio_set, IOPRIO_WHO_PROCESS, 0,
		    IOPRIO_PRIO_VALUE(p->io_class, p->priority)) == 0)
		return 0;
	return ts_failf(e, errno, "process.ioPriority: set %s, priority %d",
			io_class_name(p->io_class), (int)p->priority);
}

/* The kernel keeps what the cpuset allows of the mask. */
static int set_affinity(const char *cpus, struct ts_error *e)
{
	uint8_t bits[NUMBER_LIST_BYTES];

	if (strcmp(cpus, "all") == 0)
		memset(bits, 0xff, sizeof bits);
	else
		(void)number_list_parse(cpus, bits); /* decoding has checked it */
	if (syscall(SYS_sched_setaffinity, 0, sizeof bits, bits) == 0)
		return 0;
	return ts_fail(e, errno, "taskshim.cpuAffinity: set", cpus);
}

int step_scheduling(struct task *task, struct ts_error *e)
{
	const struct config *config = task->plan->config;

	/* The affinity first: SCHED_DEADLINE wants to be asked for by who may run everywhere, and fixes it. */
	if (config->taskshim.cpu_affinity && set_affinity(config->taskshim.cpu_affinity, e) < 0)
		return -1;
	if (config->process.io_priority.set && set_io_priority(&config->process.io_priority, e) < 0)
		return -1;
	return config->process.scheduler.set ? set_scheduler(&config->process.scheduler, e) : 0;
}

int step_mempolicy(struct task *task, struct ts_error *e)
{
	const struct oci_memory_policy *policy = &task->plan->config->linux_.memory_policy;
	_Alignas(unsigned long) uint8_t nodes[NUMBER_LIST_BYTES];

	if (!policy->set)
		return 0;
	if (policy->nodes)
		(void)number_list_parse(policy->nodes, nodes); /* decoding has checked it */
	if (syscall(SYS_set_mempolicy, policy->mode | (int)policy->flags,
		    policy->nodes ? nodes : NULL,
		    policy->nodes ? NUMBER_LIST_MAX + 2UL /* it counts one less */ : 0UL) == 0)
		return 0;
	return ts_failf(e, errno, "linux.memoryPolicy: set %s, nodes %s%s",
			memory_mode_name(policy->mode), policy->nodes ? policy->nodes : "none",
			errno == ENOSYS ? " (a kernel without NUMA)" : "");
}

int step_personality(struct task *task, struct ts_error *e)
{
	const struct oci_linux *l = &task->plan->config->linux_;

	if (!l->personality_set)
		return 0;
	if (personality((unsigned long)l->personality_domain | l->personality_flags) < 0)
		return ts_failf(e, errno, "linux.personality: set 0x%x",
				(unsigned)l->personality_domain | (unsigned)l->personality_flags);
	return 0;
}
