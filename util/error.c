/* Fills and names error records. No system calls. */
#include "util/error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const step_names[TS_STEP_COUNT] = {
	[TS_STEP_NONE] = "none",
	[TS_STEP_USAGE] = "usage",
	[TS_STEP_CONFIG] = "config",
	[TS_STEP_STATE] = "state",
	[TS_STEP_CGROUP] = "cgroup",
	[TS_STEP_MONITOR] = "monitor",
	[TS_STEP_STDIO] = "stdio",
	[TS_STEP_NAMESPACES] = "namespaces",
	[TS_STEP_SESSION] = "session",
	[TS_STEP_HOSTNAME] = "hostname",
	[TS_STEP_PROPAGATION] = "propagation",
	[TS_STEP_ROOT] = "root",
	[TS_STEP_TASKDIR] = "taskdir",
	[TS_STEP_MOUNT] = "mount",
	[TS_STEP_TERMINAL] = "terminal",
	[TS_STEP_DEVICES] = "devices",
	[TS_STEP_MASK] = "mask",
	[TS_STEP_PIVOT] = "pivot",
	[TS_STEP_CWD] = "cwd",
	[TS_STEP_RLIMITS] = "rlimits",
	[TS_STEP_OOM] = "oom",
	[TS_STEP_USER] = "user",
	[TS_STEP_CAPS] = "capabilities",
	[TS_STEP_PRIVILEGES] = "privileges",
	[TS_STEP_INIT] = "init",
	[TS_STEP_SCHEDULING] = "scheduling",
	[TS_STEP_MEMPOLICY] = "mempolicy",
	[TS_STEP_PERSONALITY] = "personality",
	[TS_STEP_HOOK] = "hook",
	[TS_STEP_NETDEVICES] = "netdevices",
	[TS_STEP_SYSCTL] = "sysctl",
	[TS_STEP_LABEL] = "label",
	[TS_STEP_COMMAND] = "command",
	[TS_STEP_DEATHSIG] = "deathsig",
	[TS_STEP_SECCOMP] = "seccomp",
	[TS_STEP_GATE] = "gate",
	[TS_STEP_EXEC] = "exec",
	[TS_STEP_WAIT] = "wait",
	[TS_STEP_DELETE] = "delete",
	[TS_STEP_STATS] = "stats",
};

/* Ends a message that fills all of msg in "...", without leaving half a UTF-8 sequence before them. */
static void end_in_dots(struct ts_error *e)
{
	size_t at = sizeof e->msg - 4;

	while (at > 0 && (e->msg[at] & 0xc0) == 0x80)
		at--;
	memcpy(e->msg + at, "...", 4);
}

/* Appends @text at *@used. Returns whether all of it fitted. */
static bool append(struct ts_error *e, size_t *used, const char *text)
{
	size_t room = sizeof e->msg - 1 - *used;
	size_t len = strlen(text);
	size_t n = len < room ? len : room;

	memcpy(e->msg + *used, text, n);
	*used += n;
	e->msg[*used] = '\0';
	return n == len;
}

int ts_fail(struct ts_error *e, int err, const char *what, const char *object)
{
	size_t used = 0;

	e->err = err;
	if (!append(e, &used, what) ||
	    (object && (!append(e, &used, ": ") || !append(e, &used, object))))
		end_in_dots(e);
	return -1;
}

int ts_failf(struct ts_error *e, int err, const char *format, ...)
{
	va_list ap;
	int n;

	e->err = err;
	va_start(ap, format);
	n = vsnprintf(e->msg, sizeof e->msg, format, ap);
	va_end(ap);
	if (n >= (int)sizeof e->msg)
		end_in_dots(e);
	return -1;
}

const char *ts_step_name(uint32_t step)
{
	return step < TS_STEP_COUNT ? step_names[step] : step_names[TS_STEP_NONE];
}

enum ts_step ts_step_from_name(const char *name)
{
	for (uint32_t i = 0; i < TS_STEP_COUNT; i++)
		if (strcmp(step_names[i], name) == 0)
			return (enum ts_step)i;
	return TS_STEP_NONE;
}

#define NAME(e) [e] = #e

/* glibc's strerrorname_np(3) is not everywhere. */
static const char *const errno_names[] = {
	NAME(EPERM),
	NAME(ENOENT),
	NAME(ESRCH),
	NAME(EINTR),
	NAME(EIO),
	NAME(ENXIO),
	NAME(E2BIG),
	NAME(ENOEXEC),
	NAME(EBADF),
	NAME(ECHILD),
	NAME(EAGAIN),
	NAME(ENOMEM),
	NAME(EACCES),
	NAME(EFAULT),
	NAME(ENOTBLK),
	NAME(EBUSY),
	NAME(EEXIST),
	NAME(EXDEV),
	NAME(ENODEV),
	NAME(ENOTDIR),
	NAME(EISDIR),
	NAME(EINVAL),
	NAME(ENFILE),
	NAME(EMFILE),
	NAME(ENOTTY),
	NAME(ETXTBSY),
	NAME(EFBIG),
	NAME(ENOSPC),
	NAME(ESPIPE),
	NAME(EROFS),
	NAME(EMLINK),
	NAME(EPIPE),
	NAME(EDOM),
	NAME(ERANGE),
	NAME(EDEADLK),
	NAME(ENAMETOOLONG),
	NAME(ENOLCK),
	NAME(ENOSYS),
	NAME(ENOTEMPTY),
	NAME(ELOOP),
	NAME(ENOMSG),
	NAME(EIDRM),
	NAME(ECHRNG),
	NAME(EL2NSYNC),
	NAME(EL3HLT),
	NAME(EL3RST),
	NAME(ELNRNG),
	NAME(EUNATCH),
	NAME(ENOCSI),
	NAME(EL2HLT),
	NAME(EBADE),
	NAME(EBADR),
	NAME(EXFULL),
	NAME(ENOANO),
	NAME(EBADRQC),
	NAME(EBADSLT),
	NAME(EBFONT),
	NAME(ENOSTR),
	NAME(ENODATA),
	NAME(ETIME),
	NAME(ENOSR),
	NAME(ENONET),
	NAME(ENOPKG),
	NAME(EREMOTE),
	NAME(ENOLINK),
	NAME(EADV),
	NAME(ESRMNT),
	NAME(ECOMM),
	NAME(EPROTO),
	NAME(EMULTIHOP),
	NAME(EDOTDOT),
	NAME(EBADMSG),
	NAME(EOVERFLOW),
	NAME(ENOTUNIQ),
	NAME(EBADFD),
	NAME(EREMCHG),
	NAME(ELIBACC),
	NAME(ELIBBAD),
	NAME(ELIBSCN),
	NAME(ELIBMAX),
	NAME(ELIBEXEC),
	NAME(EILSEQ),
	NAME(ERESTART),
	NAME(ESTRPIPE),
	NAME(EUSERS),
	NAME(ENOTSOCK),
	NAME(EDESTADDRREQ),
	NAME(EMSGSIZE),
	NAME(EPROTOTYPE),
	NAME(ENOPROTOOPT),
	NAME(EPROTONOSUPPORT),
	NAME(ESOCKTNOSUPPORT),
	NAME(EOPNOTSUPP),
	NAME(EPFNOSUPPORT),
	NAME(EAFNOSUPPORT),
	NAME(EADDRINUSE),
	NAME(EADDRNOTAVAIL),
	NAME(ENETDOWN),
	NAME(ENETUNREACH),
	NAME(ENETRESET),
	NAME(ECONNABORTED),
	NAME(ECONNRESET),
	NAME(ENOBUFS),
	NAME(EISCONN),
	NAME(ENOTCONN),
	NAME(ESHUTDOWN),
	NAME(ETOOMANYREFS),
	NAME(ETIMEDOUT),
	NAME(ECONNREFUSED),
	NAME(EHOSTDOWN),
	NAME(EHOSTUNREACH),
	NAME(EALREADY),
	NAME(EINPROGRESS),
	NAME(ESTALE),
	NAME(EUCLEAN),
	NAME(ENOTNAM),
	NAME(ENAVAIL),
	NAME(EISNAM),
	NAME(EREMOTEIO),
	NAME(EDQUOT),
	NAME(ENOMEDIUM),
	NAME(EMEDIUMTYPE),
	NAME(ECANCELED),
	NAME(ENOKEY),
	NAME(EKEYEXPIRED),
	NAME(EKEYREVOKED),
	NAME(EKEYREJECTED),
	NAME(EOWNERDEAD),
	NAME(ENOTRECOVERABLE),
	NAME(ERFKILL),
	NAME(EHWPOISON),
};

const char *ts_errno_name(int err)
{
	if (err == 0)
		return "";
	if (err < 0 || (size_t)err >= sizeof errno_names / sizeof errno_names[0] ||
	    !errno_names[err])
		return "E?";
	return errno_names[err];
}

const char *ts_errno_text(int err)
{
	return err ? strerror(err) : "";
}
