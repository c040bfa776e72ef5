/* Refuses what is decoded but not enforced yet: one table, from which a row goes when its feature comes. */
#include "protocol/config.h"

#include <errno.h>
#include <string.h>

enum kind {
	IS_TRUE, /* bool; also the .set of an optional number or of a struct */
	IS_OPT_TRUE, /* enum opt_bool */
	IS_GIVEN, /* const char * */
	IS_NONEMPTY, /* size_t: a count */
};

static const struct {
	const char *path;
	enum kind kind;
	size_t offset;
} refused[] = {
#define ROW(path_, kind_, member)                                                                  \
	{                                                                                          \
		path_, kind_, offsetof(struct config, member)                                      \
	}
	ROW("process.terminal", IS_TRUE, process.terminal),
	ROW("linux.intelRdt", IS_TRUE, linux_.intel_rdt.set),
	ROW("linux.resources.memory.kernel", IS_TRUE, linux_.resources.memory.kernel_bytes.set),
	ROW("linux.resources.memory.kernelTCP", IS_TRUE,
	    linux_.resources.memory.kernel_tcp_bytes.set),
	ROW("linux.resources.memory.swappiness", IS_TRUE, linux_.resources.memory.swappiness.set),
	ROW("linux.resources.memory.disableOOMKiller", IS_OPT_TRUE,
	    linux_.resources.memory.disable_oom_killer),
	ROW("linux.resources.memory.useHierarchy", IS_OPT_TRUE,
	    linux_.resources.memory.use_hierarchy),
	ROW("linux.resources.memory.checkBeforeUpdate", IS_OPT_TRUE,
	    linux_.resources.memory.check_before_update),
	ROW("linux.resources.cpu.burst", IS_TRUE, linux_.resources.cpu.burst_us.set),
	ROW("linux.resources.cpu.realtimeRuntime", IS_TRUE,
	    linux_.resources.cpu.realtime_runtime_us.set),
	ROW("linux.resources.cpu.realtimePeriod", IS_TRUE,
	    linux_.resources.cpu.realtime_period_us.set),
	ROW("linux.resources.cpu.idle", IS_TRUE, linux_.resources.cpu.idle.set),
	ROW("linux.resources.cpu.cpus", IS_GIVEN, linux_.resources.cpu.cpus),
	ROW("linux.resources.cpu.mems", IS_GIVEN, linux_.resources.cpu.mems),
	ROW("linux.resources.blockIO.leafWeight", IS_TRUE,
	    linux_.resources.block_io.leaf_weight.set),
	ROW("linux.resources.blockIO.weightDevice", IS_NONEMPTY,
	    linux_.resources.block_io.n_weight_devices),
	ROW("linux.resources.blockIO.throttleReadBpsDevice", IS_NONEMPTY,
	    linux_.resources.block_io.read_bps.n),
	ROW("linux.resources.blockIO.throttleWriteBpsDevice", IS_NONEMPTY,
	    linux_.resources.block_io.write_bps.n),
	ROW("linux.resources.blockIO.throttleReadIOPSDevice", IS_NONEMPTY,
	    linux_.resources.block_io.read_iops.n),
	ROW("linux.resources.blockIO.throttleWriteIOPSDevice", IS_NONEMPTY,
	    linux_.resources.block_io.write_iops.n),
	ROW("linux.resources.hugepageLimits", IS_NONEMPTY, linux_.resources.n_hugepage_limits),
	ROW("linux.resources.network.classID", IS_TRUE, linux_.resources.network_class_id.set),
	ROW("linux.resources.network.priorities", IS_NONEMPTY,
	    linux_.resources.network_priorities.n),
	ROW("linux.resources.rdma", IS_NONEMPTY, linux_.resources.n_rdma),
	ROW("linux.resources.unified", IS_NONEMPTY, linux_.resources.unified.n),
	ROW("taskshim.logs", IS_TRUE, taskshim.logs.set),
#undef ROW
};

static bool is_used(enum kind kind, const void *member)
{
	switch (kind) {
	case IS_TRUE:
		return *(const bool *)member;
	case IS_OPT_TRUE:
		return *(const enum opt_bool *)member == OPT_TRUE;
	case IS_GIVEN:
		return *(const char *const *)member != NULL;
	case IS_NONEMPTY:
		return *(const size_t *)member > 0;
	}
	return false;
}

static int fail(struct ts_error *e, const char *path, const char *reason)
{
	e->step = TS_STEP_CONFIG;
	return ts_fail(e, EINVAL, path, reason);
}

int config_check_supported(const struct config *config, struct ts_error *e)
{
	for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
		if (is_used(refused[i].kind, (const char *)config + refused[i].offset))
			return fail(e, refused[i].path, "not supported yet");
	return 0;
}
