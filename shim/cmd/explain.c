/* taskshim explain: the steps in which a config's task would be set up, in their order. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"
#include "protocol/defaults.h"
#include "protocol/fields.h"
#include "protocol/hooks_record.h"
#include "protocol/json_write.h"
#include "shim/cmd/explain.h"

#include <errno.h>
#include <json-c/json.h>
#include <limits.h>
#include <linux/capability.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/capability.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

static int explain_main(const struct global *global, int argc, char **argv);

const struct verb verb_explain = {
	.name = "explain",
	.run = explain_main,
	.failed = EXIT_FAILED,
	.synopsis = "explain [--json] [-b DIR] [--id ID] CONFIG",
	.summary = "print the setup steps of a config, in order",
	.help = "Prints, without starting anything, what would be done for CONFIG (a file, - for "
		"standard input, or a bundle's\n"
		"directory), one line a step, in the order of the steps, with paths, credentials "
		"and cgroups resolved: what a\n"
		"path of the host leads to, and whether it is there. Values of the environment are "
		"not shown.\n"
		"  --json             one document: "
		"{\"version\":1,\"steps\":[{\"step\":...,\"does\":...}]}\n"
		"  -b, --bundle DIR   what relative paths are relative to (the directory of "
		"CONFIG)\n"
		"  --id ID            task id for the paths (ID)\n",
};

struct explain {
	const struct global *global;
	const struct config *config;
	const char *bundle, *id;
	int number;
	struct json_object *steps; /* --json: what is printed at the end; else NULL */
	bool failed; /* no memory */
};

static void add_step(struct explain *x, enum ts_step step, const char *does)
{
	struct json_writer w = json_writer_new();

	json_add_text(&w, "step", ts_step_name(step));
	json_add(&w, "does", json_text_new(does));
	if (w.object && json_object_array_add(x->steps, w.object) == 0)
		return;
	json_object_put(w.object);
	x->failed = true;
}

/* "12  mount       TEXT" */
static void line(struct explain *x, enum ts_step step, const char *format, ...)
	__attribute__((format(printf, 3, 4)));
static void line(struct explain *x, enum ts_step step, const char *format, ...)
{
	char text[2048];
	int n = snprintf(text, sizeof text, "%2d  %-12s ", ++x->number, ts_step_name(step));
	va_list ap;

	va_start(ap, format);
	(void)vsnprintf(text + n, sizeof text - (size_t)n, format, ap);
	va_end(ap);
	if (x->steps)
		add_step(x, step, text + n);
	else
		(void)print_text(text, true);
}

/* Joins words with blanks; what does not fit ends in "...". */
static const char *join(char *buf, size_t size, const struct str_list *list, const char *empty)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < list->n; i++) {
		int n = snprintf(buf + used, size - used, "%s%s", i ? " " : "", list->v[i]);

		if (n < 0 || (size_t)n >= size - used) {
			memcpy(buf + size - 4, "...", 4);
			return buf;
		}
		used += (size_t)n;
	}
	return list->n ? buf : empty;
}

static const char *resolve(const struct explain *x, const char *path, char ret[static PATH_MAX])
{
	if (path[0] == '/')
		return path;
	(void)snprintf(ret, PATH_MAX, "%s/%s", x->bundle, path);
	return ret;
}

enum { NOTE_MAX = PATH_MAX + 16 };

/* What there is at @path of the host: nothing to say, where it leads, or that there is nothing. */
static const char *note(const struct explain *x, const char *path, char ret[static NOTE_MAX])
{
	char absolute[PATH_MAX], real[PATH_MAX];

	path = resolve(x, path, absolute);
	if (!realpath(path, real))
		(void)snprintf(ret, NOTE_MAX, errno == ENOENT ? " (missing)" : " (%s)",
			       ts_errno_text(errno));
	else if (strcmp(real, path) != 0)
		(void)snprintf(ret, NOTE_MAX, " (is %s)", real);
	else
		ret[0] = '\0';
	return ret;
}

/* --- the shim's own part --- */

static int explain_cgroups(struct explain *x, struct ts_error *e)
{
	const struct config *c = x->config;
	struct cgroup_host host;
	struct cgroup_plan plan;
	char seen[NOTE_MAX];

	for (size_t i = 0; i < c->taskshim.cgroups.n; i++)
		line(x, TS_STEP_CGROUP, "use %s (%s)%s", c->taskshim.cgroups.v[i].value,
		     c->taskshim.cgroups.v[i].key, note(x, c->taskshim.cgroups.v[i].value, seen));
	if (c->taskshim.cgroups.n)
		return 0;
	host = task_cgroup_host(x->global->no_cgroups, ts_cgroup_layout(CGROUP_MOUNT));
	cgroup_host_look(&host, &c->linux_.resources);
	if (x->global->rootless) {
		if (cgroup_plan_rootless(&host, c, x->id, NULL, &plan, e) < 0)
			return -1;
	} else if (cgroup_plan_build(&host, c->linux_.cgroups_path, x->id, &c->linux_.resources,
				     device_rules_needed(c), &plan, e) < 0) {
		return -1;
	} else if (cgroup_resolve(&plan, e) < 0) {
		cgroup_plan_done(&plan);
		return -1;
	}
	if (plan.n_dirs == 0)
		line(x, TS_STEP_CGROUP, "none");
	for (size_t i = 0; i < plan.n_dirs; i++)
		line(x, TS_STEP_CGROUP, "make %s", plan.dirs[i].path);
	for (size_t i = 0; i < plan.n_writes; i++)
		line(x, TS_STEP_CGROUP, "write \"%s\" to %s/%s", plan.writes[i].value,
		     plan.dirs[plan.writes[i].dir].path, plan.writes[i].file);
	if (plan.devices.v)
		line(x, TS_STEP_CGROUP, "attach a program with %zu device rules, then %s the rest",
		     plan.devices.n, plan.devices.allow_rest ? "allow" : "deny");
	cgroup_plan_done(&plan);
	return 0;
}

static int explain_state(struct explain *x, struct ts_error *e)
{
	char root[PATH_MAX];

	if (statedir_root(x->global->root, root, e) < 0)
		return -1;
	line(x, TS_STEP_STATE, "make %s/%s, mode 0700", root, x->id);
	return 0;
}

static void explain_monitor(struct explain *x)
{
	const struct ts_extension *t = &x->config->taskshim;

	if (!t->monitor)
		line(x, TS_STEP_MONITOR,
		     "none: init is left to the caller's subreaper, started through a socket");
	else
		line(x, TS_STEP_MONITOR,
		     "spawn-daemon stays as the monitor; its death %s, its parent's death %s",
		     t->kill_on_monitor_death ? "kills the task" : "leaves the task",
		     t->kill_on_parent_death ? "kills the task" : "leaves the task");
}

/* --- spawn-daemon's part --- */

static void explain_console_socket(struct explain *x)
{
	const struct ts_stdio *socket = &x->config->taskshim.console_socket;
	char seen[NOTE_MAX];

	if (socket->kind == TS_STDIO_PATH)
		line(x, TS_STEP_TERMINAL, "connect to the console socket %s%s", socket->path,
		     note(x, socket->path, seen));
	else if (socket->kind == TS_STDIO_FD)
		line(x, TS_STEP_TERMINAL, "the console socket: descriptor %d of the parent",
		     socket->fd);
	else
		line(x, TS_STEP_TERMINAL, "the console socket: that of run, or --console-socket");
}

static void explain_terminal(struct explain *x)
{
	const struct oci_process *p = &x->config->process;

	if (!p->terminal)
		return;
	if (p->console_height.set && p->console_width.set)
		line(x, TS_STEP_TERMINAL, "make one in the root's /dev/pts, %llu rows of %llu",
		     (unsigned long long)p->console_height.value,
		     (unsigned long long)p->console_width.value);
	else
		line(x, TS_STEP_TERMINAL, "make one in the root's /dev/pts");
}

static void explain_stdio(struct explain *x)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};
	char seen[NOTE_MAX];

	if (x->config->taskshim.preserve_fds > 0)
		line(x, TS_STEP_STDIO, "3 to %u: the parent's descriptors of these numbers",
		     2 + x->config->taskshim.preserve_fds);
	if (x->config->process.terminal) {
		explain_console_socket(x);
		return;
	}
	for (size_t i = 0; i < 3; i++) {
		const struct ts_stdio *io = &x->config->taskshim.stdio[i];

		switch (io->kind) {
		case TS_STDIO_NULL:
			line(x, TS_STEP_STDIO, "%s: /dev/null", names[i]);
			break;
		case TS_STDIO_PATH:
			line(x, TS_STEP_STDIO, "%s: %s%s%s", names[i], io->path,
			     i ? ", appended to" : "", i ? "" : note(x, io->path, seen));
			if (i && x->config->taskshim.logs.set)
				line(x, TS_STEP_STDIO, "%s: rotated at %llu bytes, %llu files",
				     names[i],
				     (unsigned long long)
					     x->config->taskshim.logs.max_file_size_bytes,
				     (unsigned long long)x->config->taskshim.logs.max_files);
			break;
		case TS_STDIO_FD:
			line(x, TS_STEP_STDIO, "%s: descriptor %d of the parent", names[i], io->fd);
			break;
		case TS_STDIO_INHERIT:
			line(x, TS_STEP_STDIO, "%s: spawn-daemon's own", names[i]);
			break;
		}
	}
}

static void explain_mappings(struct explain *x, const char *what, const struct oci_id_mapping *list,
			     size_t n)
{
	for (size_t i = 0; i < n; i++)
		line(x, TS_STEP_NAMESPACES, "%s %u to %u are %u to %u on the host", what,
		     list[i].container_id, list[i].container_id + list[i].size - 1, list[i].host_id,
		     list[i].host_id + list[i].size - 1);
}

static const char *const namespace_names[] = {
	[OCI_NS_PID] = "pid",	    [OCI_NS_NETWORK] = "network", [OCI_NS_MOUNT] = "mount",
	[OCI_NS_IPC] = "ipc",	    [OCI_NS_UTS] = "uts",	  [OCI_NS_USER] = "user",
	[OCI_NS_CGROUP] = "cgroup", [OCI_NS_TIME] = "time",
};

/* By spawn-daemon: before init takes its first step. */
static void explain_fork(struct explain *x)
{
	char text[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < OCI_NS_COUNT; i++) {
		const struct oci_namespace *ns = &x->config->linux_.namespaces[i];
		bool implied =
			i == OCI_NS_MOUNT && x->config->taskshim.isolation != TS_ISOLATION_NONE;

		if ((ns->set && !ns->path) || implied)
			used += (size_t)snprintf(text + used, sizeof text - used, " %s",
						 namespace_names[i]);
	}
	line(x, TS_STEP_NAMESPACES, "fork init%s%s",
	     used ? " with new namespaces:" : " in the host's namespaces", text);
	explain_mappings(x, "uids", x->config->linux_.uid_mappings,
			 x->config->linux_.n_uid_mappings);
	explain_mappings(x, "gids", x->config->linux_.gid_mappings,
			 x->config->linux_.n_gid_mappings);
}

static void explain_namespaces(struct explain *x)
{
	char seen[NOTE_MAX];

	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		if (x->config->linux_.namespaces[i].path)
			line(x, TS_STEP_NAMESPACES, "join the %s namespace %s%s",
			     namespace_names[i], x->config->linux_.namespaces[i].path,
			     access(x->config->linux_.namespaces[i].path, F_OK) < 0
				     ? note(x, x->config->linux_.namespaces[i].path, seen)
				     : "");
	if (x->config->linux_.namespaces[OCI_NS_NETWORK].set &&
	    !x->config->linux_.namespaces[OCI_NS_NETWORK].path)
		line(x, TS_STEP_NAMESPACES, "bring up lo");
	for (size_t i = 0; i < x->config->linux_.n_time_offsets; i++) {
		const struct oci_time_offset *offset = &x->config->linux_.time_offsets[i];

		line(x, TS_STEP_NAMESPACES, "move the clock %s by %lld.%09u s", offset->clock,
		     (long long)offset->secs, offset->nanosecs);
	}
}

/* A symbolic link of the host's becomes one, what else there is is bound or copied, and what there is not is left out. */
static void explain_preset(struct explain *x)
{
	bool copy = x->config->taskshim.chroot_method == TS_CHROOT_COPY;

	for (size_t i = 0; default_host_names[i]; i++) {
		char path[32], target[PATH_MAX];
		ssize_t n;

		(void)snprintf(path, sizeof path, "/%s", default_host_names[i]);
		n = readlink(path, target, sizeof target - 1);
		if (n >= 0)
			line(x, TS_STEP_ROOT, "link %s to %.*s", path, (int)n, target);
		else if (access(path, F_OK) == 0)
			line(x, TS_STEP_ROOT, copy ? "copy %s" : "bind %s, read-only", path);
	}
	line(x, TS_STEP_ROOT,
	     "tmpfs on /tmp /run /var/tmp; what /etc/resolv.conf and /etc/hosts lead to");
}

static void explain_root(struct explain *x)
{
	const struct config *c = x->config;
	const struct ts_extension *t = &c->taskshim;
	char path[PATH_MAX], seen[NOTE_MAX];

	if (t->isolation == TS_ISOLATION_NONE) {
		line(x, TS_STEP_ROOT, "the host's own");
		return;
	}
	line(x, TS_STEP_PROPAGATION, "cut mount propagation to the host%s%s",
	     c->linux_.rootfs_propagation ? "; rootfsPropagation " : "",
	     c->linux_.rootfs_propagation ? c->linux_.rootfs_propagation : "");
	if (c->root.path)
		line(x, TS_STEP_ROOT, "%s%s%s", resolve(x, c->root.path, path),
		     c->root.readonly ? ", read-only" : "", note(x, c->root.path, seen));
	else
		line(x, TS_STEP_ROOT, "a private tmpfs%s",
		     c->root.readonly ? ", read-only when it is filled" : "");
	if (t->chroot == TS_CHROOT_HOST)
		explain_preset(x);
	for (size_t i = 0; i < t->chroot_map.n; i++)
		line(x, TS_STEP_ROOT, "%s %s at %s%s%s",
		     t->chroot_method == TS_CHROOT_COPY ? "copy" : "bind", t->chroot_map.v[i].value,
		     t->chroot_map.v[i].key,
		     t->chroot_method == TS_CHROOT_COPY ? "" : ", read-only",
		     note(x, t->chroot_map.v[i].value, seen));
	if (t->task_dir)
		line(x, TS_STEP_TASKDIR, "%s/{local,secrets,tmp} at /local /secrets /tmp",
		     t->task_dir);
	if (t->alloc_dir)
		line(x, TS_STEP_TASKDIR, "%s at /alloc%s", t->alloc_dir,
		     note(x, t->alloc_dir, seen));
}

static void explain_hooks(struct explain *x, enum oci_hook_kind kind)
{
	const struct oci_hook_list *list = &x->config->hooks[kind];

	for (size_t i = 0; i < list->n; i++)
		line(x, TS_STEP_HOOK, "%s: %s%s", hooks_kind_name(kind), list->v[i].path,
		     list->v[i].timeout_s.set ? ", with a timeout" : "");
}

static void explain_before_root(struct explain *x)
{
	const struct oci_process *p = &x->config->process;
	const struct oci_linux *l = &x->config->linux_;

	for (size_t i = 0; i < l->n_net_devices; i++)
		line(x, TS_STEP_NETDEVICES, "move %s into the task as %s",
		     l->net_devices[i].host_name,
		     l->net_devices[i].name ? l->net_devices[i].name : l->net_devices[i].host_name);
	explain_hooks(x, OCI_HOOK_PRESTART);
	explain_hooks(x, OCI_HOOK_CREATE_RUNTIME);
	explain_hooks(x, OCI_HOOK_CREATE_CONTAINER);
	for (size_t i = 0; i < l->sysctl.n; i++)
		line(x, TS_STEP_SYSCTL, "%s = %s", l->sysctl.v[i].key, l->sysctl.v[i].value);
	if (p->apparmor_profile)
		line(x, TS_STEP_LABEL, "AppArmor profile %s", p->apparmor_profile);
	if (p->selinux_label)
		line(x, TS_STEP_LABEL, "SELinux label %s", p->selinux_label);
}

static void explain_mounts(struct explain *x)
{
	const struct config *c = x->config;
	char options[512], path[PATH_MAX], seen[NOTE_MAX];

	bool fill = c->taskshim.chroot != TS_CHROOT_NONE;
	bool by_default = fill && !c->mounts_set;
	const struct str_list *covered = fill && !c->linux_.masked_paths_set
						 ? &default_masked_paths
						 : &c->linux_.masked_paths;
	const struct str_list *readonly = fill && !c->linux_.readonly_paths_set
						  ? &default_readonly_paths
						  : &c->linux_.readonly_paths;

	for (size_t i = 0; i < (by_default ? DEFAULT_MOUNTS : c->n_mounts); i++) {
		const struct oci_mount *m = by_default ? &default_mounts[i] : &c->mounts[i];
		bool bind = m->parsed.flags & MS_BIND && m->source;

		const char *words = join(options, sizeof options, &m->options, "defaults");

		if (m->parsed.flags & MS_REMOUNT) {
			line(x, TS_STEP_MOUNT, "change the mount on %s (%s)", m->destination,
			     words);
			continue;
		}
		line(x, TS_STEP_MOUNT, "%s %s on %s (%s)%s%s", m->type ? m->type : "bind",
		     bind	 ? resolve(x, m->source, path)
		     : m->source ? m->source
				 : "none",
		     m->destination, words, m->parsed.idmap ? ", ids mapped" : "",
		     bind ? note(x, m->source, seen) : "");
	}
	explain_terminal(x);
	for (size_t i = 0; i < c->linux_.n_devices; i++) {
		const struct oci_device *d = &c->linux_.devices[i];

		line(x, TS_STEP_DEVICES, "%s: %c %llu:%llu, mode %04o, owner %llu:%llu", d->path,
		     d->type, (unsigned long long)d->major.value,
		     (unsigned long long)d->minor.value,
		     d->file_mode.set ? (unsigned)d->file_mode.value & 07777 : 0600,
		     (unsigned long long)d->uid.value, (unsigned long long)d->gid.value);
	}
	line(x, TS_STEP_DEVICES,
	     "null zero full random urandom tty ptmx%s and the fd links, where /dev is fresh",
	     c->process.terminal ? " console" : "");
	if (covered->n)
		line(x, TS_STEP_MASK, "cover %s", join(options, sizeof options, covered, ""));
	if (readonly->n)
		line(x, TS_STEP_MASK, "read-only: %s", join(options, sizeof options, readonly, ""));
	explain_before_root(x);
	line(x, TS_STEP_PIVOT, "%s",
	     c->taskshim.isolation == TS_ISOLATION_CHROOT ? "chroot"
	     : c->taskshim.base_mount_ns
		     ? "chroot in a copy of the base mount namespace, or pivot_root"
		     : "pivot_root, detach the host's tree");
}

static const char *capability_text(uint64_t set, char *buf, size_t size)
{
	size_t used = 0;

	if (set == 0)
		return "none";
	for (int i = 0; i < 64; i++) {
		char *name = set & 1ULL << i ? cap_to_name(i) : NULL;

		if (name && used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", used ? " " : "",
						 name);
		(void)cap_free(name);
	}
	return buf;
}

static void explain_scheduling(struct explain *x)
{
	const struct config *c = x->config;
	const struct oci_scheduler *s = &c->process.scheduler;
	const struct oci_memory_policy *m = &c->linux_.memory_policy;

	if (c->taskshim.cpu_affinity)
		line(x, TS_STEP_SCHEDULING, "cpus %s", c->taskshim.cpu_affinity);
	if (c->process.io_priority.set)
		line(x, TS_STEP_SCHEDULING, "%s, priority %lld",
		     io_class_name(c->process.io_priority.io_class),
		     (long long)c->process.io_priority.priority);
	if (s->set)
		line(x, TS_STEP_SCHEDULING, "%s, nice %lld, priority %lld",
		     scheduler_policy_name(s->policy), (long long)s->nice, (long long)s->priority);
	if (m->set)
		line(x, TS_STEP_MEMPOLICY, "%s, nodes %s", memory_mode_name(m->mode),
		     m->nodes ? m->nodes : "none");
	if (c->linux_.personality_set)
		line(x, TS_STEP_PERSONALITY, "0x%llx",
		     (unsigned long long)c->linux_.personality_domain |
			     (unsigned long long)c->linux_.personality_flags);
}

static void explain_credentials(struct explain *x)
{
	const struct config *c = x->config;
	const struct oci_process *p = &c->process;
	char text[2048];

	char who[1024];

	explain_user(c, x->bundle, who, sizeof who);
	if (c->taskshim.user || !p->user.set)
		line(x, TS_STEP_USER, "look up %s in the root",
		     c->taskshim.user ? c->taskshim.user : "nobody");
	if (p->terminal)
		line(x, TS_STEP_TERMINAL,
		     "give it to the user, send its master to the console socket");
	if (c->taskshim.init)
		line(x, TS_STEP_INIT, "fork: process 1 stays as the reaper, the other goes on");
	if (p->terminal)
		line(x, TS_STEP_TERMINAL, "make it the controlling terminal");
	for (size_t i = 0; i < p->n_rlimits; i++)
		line(x, TS_STEP_RLIMITS, "%s %llu:%llu", p->rlimits[i].name,
		     (unsigned long long)p->rlimits[i].soft,
		     (unsigned long long)p->rlimits[i].hard);
	explain_scheduling(x);
	line(x, TS_STEP_CAPS, "bounding %s",
	     capability_text(p->capabilities.bounding, text, sizeof text));
	line(x, TS_STEP_USER, "%s", who);
	line(x, TS_STEP_CAPS, "permitted %s",
	     capability_text(p->capabilities.permitted, text, sizeof text));
	line(x, TS_STEP_CAPS, "effective %s",
	     capability_text(p->capabilities.effective, text, sizeof text));
	line(x, TS_STEP_CAPS, "inheritable %s",
	     capability_text(p->capabilities.inheritable, text, sizeof text));
	line(x, TS_STEP_CAPS, "ambient %s",
	     capability_text(p->capabilities.ambient, text, sizeof text));
	line(x, TS_STEP_PRIVILEGES, "no_new_privs %s, umask %03o",
	     p->no_new_privileges ? "set" : "not set",
	     p->user.umask.set ? (unsigned)p->user.umask.value : 022);
}

static const char *word_of(const char *path, int value)
{
	for (const struct json_word *w = config_words(path); w && w->name; w++)
		if (w->value == value)
			return w->name;
	return "?";
}

static void explain_seccomp(struct explain *x)
{
	static const char actions[] = "linux.seccomp.defaultAction";
	const struct oci_seccomp *s = &x->config->linux_.seccomp;

	if (x->config->taskshim.seccomp_default)
		line(x, TS_STEP_SECCOMP, "the default profile, loaded just before the exec");
	if (!s->set)
		return;
	line(x, TS_STEP_SECCOMP, "a filter, loaded just before the exec: %s",
	     word_of(actions, (int)s->default_action));
	for (size_t i = 0; i < s->n_syscalls; i++) {
		const struct oci_seccomp_syscall *call = &s->syscalls[i];

		if (call->names.n > 0)
			line(x, TS_STEP_SECCOMP, "%s: %s%s%s", word_of(actions, (int)call->action),
			     call->names.v[0], call->names.n > 1 ? ", ..." : "",
			     call->n_args ? ", by argument" : "");
	}
	if (s->notifies)
		line(x, TS_STEP_SECCOMP, "the listener at %s answers", s->listener_path);
}

static void explain_command(struct explain *x)
{
	const struct oci_process *p = &x->config->process;
	char text[1536];
	size_t used = 0;

	text[0] = '\0';
	for (size_t i = 0; i < p->env.n && used < sizeof text; i++)
		used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", i ? " " : "",
					 (int)strcspn(p->env.v[i], "="), p->env.v[i]);
	line(x, TS_STEP_CWD, "%s", p->cwd);
	if (x->config->taskshim.shell.n > 0) {
		char shells[NOTE_MAX];

		line(x, TS_STEP_COMMAND, "the first that is there of %s",
		     join(shells, sizeof shells, &x->config->taskshim.shell, ""));
	} else {
		line(x, TS_STEP_COMMAND, "look up \"%s\"", p->args.n ? p->args.v[0] : "");
	}
	if (x->config->taskshim.kill_on_monitor_death && x->config->taskshim.monitor)
		line(x, TS_STEP_DEATHSIG, "die with the monitor");
	explain_seccomp(x);
	line(x, TS_STEP_GATE, "wait for true");
	explain_hooks(x, OCI_HOOK_START_CONTAINER);
	line(x, TS_STEP_EXEC, "environment: %s", p->env.n ? text : "empty");
	line(x, TS_STEP_EXEC, "execute: %s", join(text, sizeof text, &p->args, "nothing"));
}

static int explain(struct explain *x, struct ts_error *e)
{
	if (config_check_supported(x->config, e) < 0 || explain_state(x, e) < 0 ||
	    explain_cgroups(x, e) < 0)
		return -1;
	explain_monitor(x);
	explain_stdio(x);
	explain_fork(x);
	line(x, TS_STEP_CGROUP, "join them");
	if (x->config->process.oom_score_adj.set)
		line(x, TS_STEP_OOM, "oom_score_adj %lld",
		     (long long)x->config->process.oom_score_adj.value);
	explain_namespaces(x);
	line(x, TS_STEP_SESSION, "new session%s, default signals, no other descriptors",
	     x->config->taskshim.inherit_keyring ? ", the caller's keyring" : " and keyring");
	if (x->config->hostname)
		line(x, TS_STEP_HOSTNAME, "%s", x->config->hostname);
	explain_root(x);
	if (x->config->taskshim.isolation != TS_ISOLATION_NONE)
		explain_mounts(x);
	else {
		explain_terminal(x);
		explain_before_root(x);
	}
	explain_credentials(x);
	explain_command(x);
	explain_hooks(x, OCI_HOOK_POSTSTART);
	explain_hooks(x, OCI_HOOK_POSTSTOP);
	return 0;
}

static int explain_json(struct explain *x, struct ts_error *e)
{
	struct json_writer w = json_writer_new();
	int r;

	x->steps = json_object_new_array();
	x->failed = !x->steps;
	r = explain(x, e);
	json_add_u64(&w, "version", 1);
	json_add(&w, "steps", x->steps);
	if (r == 0 && (x->failed || !w.object))
		r = ts_fail(e, ENOMEM, "explain", NULL);
	if (r == 0)
		(void)print_json(w.object);
	json_object_put(w.object);
	return r;
}

/* The directory that CONFIG is in, or is. */
static void default_bundle(const char *path, char ret[static PATH_MAX])
{
	char directory[PATH_MAX];
	struct stat st;
	const char *slash = strrchr(path, '/');

	if (stat(path, &st) == 0 && S_ISDIR(st.st_mode))
		(void)snprintf(directory, sizeof directory, "%s", path);
	else
		(void)snprintf(directory, sizeof directory, "%.*s",
			       slash ? (int)(slash - path) + 1 : 1, slash ? path : ".");
	if (!realpath(directory, ret))
		(void)snprintf(ret, PATH_MAX, "%s", directory);
}

static int explain_main(const struct global *global, int argc, char **argv)
{
	static const struct option options[] = {{"bundle", required_argument, NULL, 'b'},
						{"id", required_argument, NULL, 'i'},
						{"json", no_argument, NULL, 'j'},
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct explain x = {.global = global, .id = "ID"};
	struct json_object *document;
	struct config *config;
	struct ts_error e = {0};
	char bundle[PATH_MAX];
	bool json = false;
	int option, status = 0, r;

	while ((option = option_next(global, argc, argv, "+:hb:", options, &status)) >= 0) {
		if (option == 'b')
			x.bundle = optarg;
		else if (option == 'j')
			json = true;
		else
			x.id = optarg;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(global, argc, 1, 1) < 0)
		return EXIT_FAILED;
	default_bundle(argv[optind], bundle);
	x.bundle = x.bundle ? x.bundle : bundle;
	r = config_read(argv[optind], &document, &e);
	if (r == 0) {
		r = config_decode(document, &config, &e);
		if (r == 0) {
			x.config = config;
			r = json ? explain_json(&x, &e) : explain(&x, &e);
			config_free(config);
		}
		json_object_put(document);
	}
	if (r < 0)
		report_error(global, &e);
	return r < 0 ? EXIT_FAILED : 0;
}
