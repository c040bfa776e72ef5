/* glibc's names of signals, which musl has not. See util/musl/sys/mount.h. */
#include <signal.h>
#include <string.h>

#define ROW(s) [SIG##s] = #s
static const char *const signal_names[] = {
	ROW(HUP),  ROW(INT),	ROW(QUIT), ROW(ILL),   ROW(TRAP), ROW(ABRT), ROW(BUS),	ROW(FPE),
	ROW(KILL), ROW(USR1),	ROW(SEGV), ROW(USR2),  ROW(PIPE), ROW(ALRM), ROW(TERM), ROW(STKFLT),
	ROW(CHLD), ROW(CONT),	ROW(STOP), ROW(TSTP),  ROW(TTIN), ROW(TTOU), ROW(URG),	ROW(XCPU),
	ROW(XFSZ), ROW(VTALRM), ROW(PROF), ROW(WINCH), ROW(POLL), ROW(PWR),  ROW(SYS),
};
#undef ROW

const char *sigabbrev_np(int signo)
{
	size_t n = sizeof signal_names / sizeof *signal_names;

	return signo > 0 && (size_t)signo < n ? signal_names[signo] : NULL;
}
