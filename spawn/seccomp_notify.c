/* The listener of SCMP_ACT_NOTIFY. It gets the descriptor from a thread without the filter: that may deny sendmsg(2), or have
 * nobody else to ask about it than the listener. */
#include "spawn/seccomp.h"
#include "spawn/seccomp_filter.h"

#include "protocol/hooks_record.h"
#include "protocol/json_write.h"
#include "util/fd.h"

#include <errno.h>
#include <fcntl.h>
#include <json-c/json.h>
#include <limits.h>
#include <sched.h>
#include <stdatomic.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <time.h>

enum { PATIENCE_MS = 5000 /* with a listener that does not accept, or does not read */ };

/* --- the connection --- */

/* Does not wait in the kernel, where a listener that never accepts would hold us for ever. Returns 0, or -1 and errno. */
static int connect_patiently(int fd, const struct sockaddr_un *address)
{
	const struct timespec moment = {.tv_nsec = 10 * 1000000};

	for (int ms = 0; ms < PATIENCE_MS; ms += 10) {
		if (connect(fd, (const struct sockaddr *)address, sizeof *address) == 0)
			return 0;
		if (errno != EAGAIN && errno != EINTR)
			return -1;
		(void)nanosleep(&moment, NULL);
	}
	errno = EAGAIN;
	return -1;
}

static int connect_to(const char *path, int *ret, struct ts_error *e)
{
	const struct timeval patience = {.tv_sec = PATIENCE_MS / 1000};
	_cleanup_fd_ int fd = -1;
	struct sockaddr_un address = {.sun_family = AF_UNIX};

	if (strlen(path) >= sizeof address.sun_path)
		return ts_fail(e, ENAMETOOLONG, "linux.seccomp.listenerPath", path);
	strcpy(address.sun_path, path);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return ts_fail(e, errno, "socket", "linux.seccomp.listenerPath");
	if (connect_patiently(fd, &address) < 0)
		return ts_fail(e, errno, "connect to linux.seccomp.listenerPath", path);
	if (fcntl(fd, F_SETFL, 0) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience) < 0)
		return ts_fail(e, errno, "prepare the connection to", path);
	*ret = ts_fd_take(&fd);
	return 0;
}

/* --- the message --- */

/* `{"ociVersion":...,"pid":` */
static char *message_head(const struct config *config)
{
	static const char pid[] = ",\"pid\":";
	struct json_writer w = json_writer_new();
	struct json_object *fds = json_object_new_array();
	char *text, *longer;

	if (fds)
		(void)json_object_array_add(fds, json_object_new_string("seccompFd"));
	json_add_text(&w, "ociVersion", "1.2.0");
	json_add(&w, "fds", fds);
	if (config->linux_.seccomp.listener_metadata)
		json_add_text(&w, "metadata", config->linux_.seccomp.listener_metadata);
	text = json_print_new(w.object);
	json_object_put(w.object);
	longer = text ? realloc(text, strlen(text) + sizeof pid) : NULL;
	if (!longer) {
		free(text);
		return NULL;
	}
	strcpy(longer + strlen(longer) - 1, pid); /* over its last brace */
	return longer;
}

int listener_open(struct seccomp_listener *listener, const struct plan *plan, struct ts_error *e)
{
	const char *id = plan->config->taskshim.id;
	char bundle[PATH_MAX];

	if (!getcwd(bundle, sizeof bundle))
		return ts_fail(e, errno, "find working directory", NULL);
	listener->head = message_head(plan->config);
	listener->state = hooks_state(plan->config, id ? id : plan->run_id, bundle);
	if (!listener->head || !listener->state)
		return ts_fail(e, ENOMEM, "linux.seccomp.listenerMetadata", NULL);
	return connect_to(listener->path, &listener->fd, e);
}

size_t listener_message_size(const struct seccomp_listener *listener)
{
	enum { BETWEEN = 80 /* two numbers and what stands around them */ };

	return listener->path ? strlen(listener->head) + strlen(listener->state) + BETWEEN : 0;
}

/* --- sending --- */

struct errand {
	const struct seccomp *seccomp;
	_Atomic int fd; /* what seccomp(2) gave; NOT_YET */
	_Atomic pid_t tid; /* the kernel makes it 0 at the thread's end */
	int result; /* 0 or an errno */
};

enum { NOT_YET = -1, NEVER = -2 };

/* The descriptor goes with the first bytes. Returns 0, or an errno. */
static int send_descriptor(const struct seccomp *seccomp, int fd)
{
	const struct seccomp_shared *shared = seccomp->shared;
	union {
		struct cmsghdr header;
		char bytes[CMSG_SPACE(sizeof(int))];
	} control = {.header = {.cmsg_len = CMSG_LEN(sizeof fd),
				.cmsg_level = SOL_SOCKET,
				.cmsg_type = SCM_RIGHTS}};
	size_t sent = 0;

	memcpy(CMSG_DATA(&control.header), &fd, sizeof fd);
	while (sent < shared->length) {
		struct iovec rest = {.iov_base = (char *)shared->message + sent,
				     .iov_len = shared->length - sent};
		struct msghdr message = {.msg_iov = &rest, .msg_iovlen = 1};
		ssize_t n;

		if (sent == 0) {
			message.msg_control = &control;
			message.msg_controllen = sizeof control.bytes;
		}
		n = sendmsg(seccomp->listener.fd, &message, MSG_NOSIGNAL);
		if (n < 0)
			return errno;
		sent += (size_t)n;
	}
	return 0;
}

static int run_errand(void *arg)
{
	const struct timespec moment = {.tv_nsec = 20 * 1000};
	struct errand *errand = arg;
	int fd;

	while ((fd = atomic_load(&errand->fd)) == NOT_YET)
		(void)nanosleep(&moment, NULL);
	if (fd == NEVER)
		return 0;
	errand->result = send_descriptor(errand->seccomp, fd);
	/* Who reads to the end shall not wait for the exec, about which it may be asked. */
	(void)close(errand->seccomp->listener.fd);
	return 0;
}

/* It shares errno with us, who look at ours when it has ended. */
static int start_thread(struct errand *errand, char *stack_end, struct ts_error *e)
{
	const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD |
			  CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;

	if (clone(run_errand, stack_end, flags, errand, NULL, NULL, &errand->tid) >= 0)
		return 0;
	return ts_fail(e, errno, "start a thread for the listener", errand->seccomp->listener.path);
}

int listener_load(const struct seccomp *seccomp, struct ts_error *e)
{
	struct errand errand = {.seccomp = seccomp, .fd = NOT_YET, .tid = 1};
	_Alignas(16) char stack[16 * 1024];
	int fd, err;

	if (start_thread(&errand, stack + sizeof stack, e) < 0)
		return -1;
	fd = sysfilter_set(seccomp, SECCOMP_FILTER_FLAG_NEW_LISTENER);
	err = errno;
	atomic_store(&errand.fd, fd < 0 ? NEVER : fd);
	/* No call can wait from here on. It takes some microseconds, and PATIENCE_MS at most. */
	while (atomic_load(&errand.tid) != 0)
		;
	if (fd < 0)
		return ts_fail(e, err, "load", "the filter");
	return errand.result == 0 ? 0
				  : ts_fail(e, errand.result,
					    "send the descriptor to linux.seccomp.listenerPath",
					    seccomp->listener.path);
}
