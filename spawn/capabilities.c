/* The five capability sets: capabilities(7). What the config does not name is dropped; all of it is read back. */
#include "spawn/capabilities.h"
#include "spawn/steps.h"

#include <errno.h>
#include <linux/capability.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/prctl.h>
#include <unistd.h>

enum { CAP_BITS = 64 };

/* The kernel's highest capability number is where PR_CAPBSET_READ starts to fail, but every kernel that we run on has
 * these (Linux 5.9). */
enum { LAST_CERTAIN = CAP_CHECKPOINT_RESTORE };

static int read_bounding(int cap)
{
	return prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0);
}

uint64_t capabilities_known(void)
{
	uint64_t known = 0;

	for (int cap = 0; cap < CAP_BITS && (cap <= LAST_CERTAIN || read_bounding(cap) >= 0); cap++)
		known |= 1ULL << cap;
	return known;
}

int capabilities_available(uint64_t asked, uint64_t *ret)
{
	cap_t own = cap_get_proc();
	uint64_t available = 0;

	if (!own)
		return -1;
	for (int cap = 0; cap < CAP_BITS; cap++) {
		cap_flag_value_t permitted;
		int bounding;

		if (!(asked & 1ULL << cap))
			continue;
		bounding = read_bounding(cap);
		if (bounding < 0 || cap_get_flag(own, cap, CAP_PERMITTED, &permitted) < 0) {
			if (cap > LAST_CERTAIN)
				break;
			(void)cap_free(own);
			return -1;
		}
		if (bounding == 1 && permitted == CAP_SET)
			available |= 1ULL << cap;
	}
	(void)cap_free(own);
	*ret = available;
	return 0;
}

int step_bounding(struct task *task, struct ts_error *e)
{
	uint64_t keep = task->plan->capabilities.bounding;

	if (task->plan->keep_credentials)
		return 0;
	for (int cap = 0; cap < CAP_BITS; cap++) {
		if (keep & 1ULL << cap)
			continue;
		if (prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0) < 0) {
			if (errno == EINVAL) /* past the last one that the kernel knows */
				return 0;
			return ts_failf(e, errno, "drop capability %d from the bounding set", cap);
		}
	}
	return 0;
}

static int fill_set(cap_t caps, cap_flag_t flag, uint64_t mask)
{
	for (cap_value_t cap = 0; cap < CAP_BITS; cap++)
		if (mask & 1ULL << cap && cap_set_flag(caps, flag, 1, &cap, CAP_SET) < 0)
			return -1;
	return 0;
}

static int set_ambient(uint64_t mask, struct ts_error *e)
{
	for (cap_value_t cap = 0; cap < CAP_BITS; cap++)
		if (mask & 1ULL << cap && cap_set_ambient(cap, CAP_SET) < 0)
			return ts_failf(e, errno, "raise ambient capability %d", cap);
	return 0;
}

/* Process 1 of taskshim.init loads no filter, and makes no exec that would take the capability away. */
static uint64_t kept_for_seccomp(const struct task *task)
{
	return task->command_pid ? 0 : task->plan->capability_for_seccomp;
}

int step_capabilities(struct task *task, struct ts_error *e)
{
	uint64_t kept = kept_for_seccomp(task);
	const struct oci_capabilities *want = &task->plan->capabilities;
	cap_t caps;
	int r;

	if (task->plan->keep_credentials)
		return 0;
	caps = cap_init();
	if (!caps)
		return ts_fail(e, errno, "allocate capability sets", NULL);
	r = fill_set(caps, CAP_PERMITTED, want->permitted | kept);
	r |= fill_set(caps, CAP_EFFECTIVE, want->effective | kept);
	r |= fill_set(caps, CAP_INHERITABLE, want->inheritable);
	if (r == 0)
		r = cap_set_proc(caps);
	if (r < 0)
		(void)ts_fail(e, errno, "set permitted, effective and inheritable capabilities",
			      NULL);
	(void)cap_free(caps);
	if (r < 0)
		return -1;
	/* setresuid() from uid 0 to uid 0 keeps the ambient set that the caller had. Not by cap_reset_ambient(), which asks for
	 * each capability first. */
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return ts_fail(e, errno, "clear ambient capabilities", NULL);
	return set_ambient(want->ambient, e);
}

static uint64_t read_set(cap_t caps, cap_flag_t flag)
{
	uint64_t mask = 0;

	for (int cap = 0; cap < CAP_BITS; cap++) {
		cap_flag_value_t value;

		if (cap_get_flag(caps, cap, flag, &value) < 0)
			break;
		if (value == CAP_SET)
			mask |= 1ULL << cap;
	}
	return mask;
}

static int verify_capabilities(const struct oci_capabilities *want, uint64_t kept,
			       struct ts_error *e)
{
	cap_t caps = cap_get_proc();
	uint64_t bounding = 0, ambient = 0, can_be_ambient;

	if (!caps)
		return ts_fail(e, errno, "read capabilities", NULL);
	bool same = read_set(caps, CAP_PERMITTED) == (want->permitted | kept) &&
		    read_set(caps, CAP_EFFECTIVE) == (want->effective | kept) &&
		    read_set(caps, CAP_INHERITABLE) == want->inheritable;

	(void)cap_free(caps);
	/* The kernel keeps no other in that set: "permitted and inheritable", capabilities(7). */
	can_be_ambient = (want->permitted | kept) & want->inheritable;
	for (int cap = 0; cap < CAP_BITS; cap++) {
		int bit = read_bounding(cap);

		if (bit < 0)
			break;
		bounding |= (uint64_t)bit << cap;
		if (can_be_ambient & 1ULL << cap)
			ambient |= (uint64_t)(cap_get_ambient(cap) == CAP_SET) << cap;
	}
	if (!same || bounding != want->bounding || ambient != want->ambient)
		return ts_fail(e, EPERM, "capabilities are not what was asked for", NULL);
	return 0;
}

static int verify_groups(const struct credentials *want, struct ts_error *e)
{
	gid_t got[64];
	int n = getgroups(0, NULL);

	if (n < 0 || (size_t)n != want->n_groups)
		return ts_fail(e, EPERM, "supplementary groups are not what was asked for", NULL);
	if (n > 64) /* the count must do for lists that no one writes by hand */
		return 0;
	if (getgroups(64, got) != n)
		return ts_fail(e, errno, "read groups", NULL);
	for (int i = 0; i < n; i++) { /* the kernel keeps them sorted, the config need not */
		bool found = false;

		for (size_t j = 0; j < want->n_groups; j++)
			found |= want->groups[j] == got[i];
		if (!found)
			return ts_fail(e, EPERM, "supplementary groups are not what was asked for",
				       NULL);
	}
	return 0;
}

int step_verify(struct task *task, struct ts_error *e)
{
	const struct credentials *want = &task->credentials;
	uid_t r, s, u;
	gid_t rg, sg, g;

	if (task->plan->keep_credentials && !task->plan->set_user)
		return 0;
	if (getresuid(&r, &u, &s) < 0 || getresgid(&rg, &g, &sg) < 0)
		return ts_fail(e, errno, "read ids", NULL);
	if (r != want->uid || u != want->uid || s != want->uid || rg != want->gid ||
	    g != want->gid || sg != want->gid)
		return ts_fail(e, EPERM, "ids are not what was asked for", NULL);
	if (!task->groups_denied && verify_groups(want, e) < 0)
		return -1;
	if (task->plan->keep_credentials)
		return 0;
	return verify_capabilities(&task->plan->capabilities, kept_for_seccomp(task), e);
}
