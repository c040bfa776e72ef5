/* Descriptors of taskshim's own that a task gets: --preserve-fds, as runc has it, and the sockets of systemd's activation,
 * sd_listen_fds(3). */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

int descriptors_parse(const struct global *global, const char *text, unsigned *ret)
{
	int64_t n;

	if (flag_parse_number(text, &n) < 0 || n < 0 || n > CONFIG_PRESERVE_FDS_MAX)
		return usage_error(global, "--preserve-fds=%s: expected a number of 0 to %d", text,
				   CONFIG_PRESERVE_FDS_MAX);
	*ret = (unsigned)n;
	return 0;
}

int descriptors_listening(const struct global *global, unsigned *ret)
{
	const char *pid = getenv("LISTEN_PID"), *fds = getenv("LISTEN_FDS");
	int64_t own, n;

	*ret = 0;
	if (!pid || !fds || flag_parse_number(pid, &own) < 0 || own != getpid())
		return 0; /* another's, who has left it in the environment */
	if (flag_parse_number(fds, &n) < 0 || n < 0 || n > CONFIG_PRESERVE_FDS_MAX)
		return usage_error(global, "LISTEN_FDS=%s: expected a number of 0 to %d", fds,
				   CONFIG_PRESERVE_FDS_MAX);
	*ret = (unsigned)n;
	return 0;
}

/* One that came over our exec cannot be close-on-exec, as all are that we have opened ourselves. */
static bool is_callers(int fd)
{
	int flags = fcntl(fd, F_GETFD);

	return flags >= 0 && !(flags & FD_CLOEXEC);
}

int descriptors_hand_over(unsigned n, int **ret, struct taskshim_options *options,
			  struct ts_error *e)
{
	int *fds;

	*ret = NULL;
	e->step = TS_STEP_USAGE;
	if (n == 0)
		return 0;
	if (n > CONFIG_PRESERVE_FDS_MAX)
		return ts_fail(e, EINVAL, "LISTEN_FDS and --preserve-fds: too many descriptors",
			       NULL);
	fds = *ret = calloc(n, sizeof *fds);
	if (!fds)
		return ts_fail(e, ENOMEM, "LISTEN_FDS and --preserve-fds", NULL);
	for (unsigned i = 0; i < n; i++) {
		fds[i] = 3 + (int)i;
		if (!is_callers(fds[i]))
			return ts_failf(e, EBADF,
					"LISTEN_FDS and --preserve-fds want descriptors 3 to %u: "
					"%d is not open",
					2 + n, fds[i]);
	}
	options->fds = fds;
	options->n_fds = n;
	return 0;
}
