/* taskshim explain: the steps in which a config's task would be set up, in their order. */
#include "shim/cmd/cmd.h"

#include "protocol/config.h"
#include "protocol/fields.h"
#include "protocol/hooks_record.h"

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

static int explain_main(const struct global *global, int argc, char **argv);

const struct verb verb_explain = {
	.name = "explain",
	.run = explain_main,
	.failed = EXIT_FAILED,
	.synopsis = "explain [-b DIR] [--id ID] CONFIG",
	.summary = "print the setup steps of a config, in order",
	.help = "Prints, without starting anything, what would be done for CONFIG (a file, - for "
		"standard input, or a bundle's\n"
		"directory), one line a step, in the order of the steps, with paths, credentials "
		"and cgroups resolved. Values\n"
		"of the environment are not shown.\n"
		"  -b, --bundle DIR   what relative paths are relative to (the directory of "
		"CONFIG)\n"
		"  --id ID            task id for the paths (ID)\n",
};

struct explain {
	const struct global *global;
	const struct config *config;
	const char *bundle, *id;
	int number;
};

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

/* --- the shim's own part --- */

static int explain_cgroups(struct explain *x, struct ts_error *e)
{
	const struct config *c = x->config;
	struct cgroup_host host;
	struct cgroup_plan plan;

	for (size_t i = 0; i < c->taskshim.cgroups.n; i++)
		line(x, TS_STEP_CGROUP, "use %s (%s)", c->taskshim.cgroups.v[i].value,
		     c->taskshim.cgroups.v[i].key);
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

static void explain_stdio(struct explain *x)
{
	static const char *const names[] = {"stdin", "stdout", "stderr"};

	for (size_t i = 0; i < 3; i++) {
		const struct ts_stdio *io = &x->config->taskshim.stdio[i];

		switch (io->kind) {
		case TS_STDIO_NULL:
			line(x, TS_STEP_STDIO, "%s: /dev/null", names[i]);
			break;
		case TS_STDIO_PATH:
			line(x, TS_STEP_STDIO, "%s: %s%s", names[i], io->path,
			     i ? ", appended to" : "");
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

static void explain_namespaces(struct explain *x)
{
	static const char *const names[] = {
		[OCI_NS_PID] = "pid",	    [OCI_NS_NETWORK] = "network", [OCI_NS_MOUNT] = "mount",
		[OCI_NS_IPC] = "ipc",	    [OCI_NS_UTS] = "uts",	  [OCI_NS_USER] = "user",
		[OCI_NS_CGROUP] = "cgroup", [OCI_NS_TIME] = "time",
	};
	char text[128] = "";
	size_t used = 0;

	for (size_t i = 0; i < OCI_NS_COUNT; i++) {
		const struct oci_namespace *ns = &x->config->linux_.namespaces[i];
		bool implied =
			i == OCI_NS_MOUNT && x->config->taskshim.isolation != TS_ISOLATION_NONE;

		if ((ns->set && !ns->path) || implied)
			used += (size_t)snprintf(text + used, sizeof text - used, " %s", names[i]);
	}
	line(x, TS_STEP_NAMESPACES, "fork init%s%s",
	     used ? " with new namespaces:" : " in the host's namespaces", text);
	for (size_t i = 0; i < OCI_NS_COUNT; i++)
		if (x->config->linux_.namespaces[i].path)
			line(x, TS_STEP_NAMESPACES, "join the %s namespace %s", names[i],
			     x->config->linux_.namespaces[i].path);
	if (x->config->linux_.namespaces[OCI_NS_NETWORK].set &&
	    !x->config->linux_.namespaces[OCI_NS_NETWORK].path)
		line(x, TS_STEP_NAMESPACES, "bring up lo");
	explain_mappings(x, "uids", x->config->linux_.uid_mappings,
			 x->config->linux_.n_uid_mappings);
	explain_mappings(x, "gids", x->config->linux_.gid_mappings,
			 x->config->linux_.n_gid_mappings);
	for (size_t i = 0; i < x->config->linux_.n_time_offsets; i++) {
		const struct oci_time_offset *offset = &x->config->linux_.time_offsets[i];

		line(x, TS_STEP_NAMESPACES, "move the clock %s by %lld.%09u s", offset->clock,
		     (long long)offset->secs, offset->nanosecs);
	}
}

static void explain_root(struct explain *x)
{
	const struct config *c = x->config;
	const struct ts_extension *t = &c->taskshim;
	char path[PATH_MAX];

	if (t->isolation == TS_ISOLATION_NONE) {
		line(x, TS_STEP_ROOT, "the host's own");
		return;
	}
	line(x, TS_STEP_PROPAGATION, "cut mount propagation to the host%s%s",
	     c->linux_.rootfs_propagation ? "; rootfsPropagation " : "",
	     c->linux_.rootfs_propagation ? c->linux_.rootfs_propagation : "");
	if (c->root.path)
		line(x, TS_STEP_ROOT, "%s%s", resolve(x, c->root.path, path),
		     c->root.readonly ? ", read-only" : "");
	else
		line(x, TS_STEP_ROOT, "a private tmpfs%s",
		     c->root.readonly ? ", read-only when it is filled" : "");
	if (t->chroot == TS_CHROOT_HOST)
		line(x, TS_STEP_ROOT,
		     "%s bin sbin lib lib32 lib64 libx32 usr etc opt of the host%s; tmpfs on /tmp "
		     "/run /var/tmp",
		     t->chroot_method == TS_CHROOT_COPY ? "copy" : "bind",
		     t->chroot_method == TS_CHROOT_COPY ? "" : ", read-only");
	for (size_t i = 0; i < t->chroot_map.n; i++)
		line(x, TS_STEP_ROOT, "%s %s at %s%s",
		     t->chroot_method == TS_CHROOT_COPY ? "copy" : "bind", t->chroot_map.v[i].value,
		     t->chroot_map.v[i].key,
		     t->chroot_method == TS_CHROOT_COPY ? "" : ", read-only");
	if (t->task_dir)
		line(x, TS_STEP_TASKDIR, "%s/{local,secrets,tmp} at /local /secrets /tmp",
		     t->task_dir);
	if (t->alloc_dir)
		line(x, TS_STEP_TASKDIR, "%s at /alloc", t->alloc_dir);
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
	char options[512], path[PATH_MAX];

	for (size_t i = 0; i < c->n_mounts; i++) {
		const struct oci_mount *m = &c->mounts[i];
		bool bind = m->parsed.flags & MS_BIND && m->source;

		const char *words = join(options, sizeof options, &m->options, "defaults");

		if (m->parsed.flags & MS_REMOUNT) {
			line(x, TS_STEP_MOUNT, "change the mount on %s (%s)", m->destination,
			     words);
			continue;
		}
		line(x, TS_STEP_MOUNT, "%s %s on %s (%s)%s", m->type ? m->type : "bind",
		     bind	 ? resolve(x, m->source, path)
		     : m->source ? m->source
				 : "none",
		     m->destination, words, m->parsed.idmap ? ", ids mapped" : "");
	}
	if (!c->mounts_set && c->taskshim.chroot != TS_CHROOT_NONE)
		line(x, TS_STEP_MOUNT,
		     "by default: /proc, /dev with /dev/pts /dev/shm /dev/mqueue, /sys read-only");
	for (size_t i = 0; i < c->linux_.n_devices; i++) {
		const struct oci_device *d = &c->linux_.devices[i];

		line(x, TS_STEP_DEVICES, "%s: %c %llu:%llu, mode %04o, owner %llu:%llu", d->path,
		     d->type, (unsigned long long)d->major.value,
		     (unsigned long long)d->minor.value,
		     d->file_mode.set ? (unsigned)d->file_mode.value & 07777 : 0600,
		     (unsigned long long)d->uid.value, (unsigned long long)d->gid.value);
	}
	line(x, TS_STEP_DEVICES,
	     "null zero full random urandom tty ptmx and the fd links, where /dev is fresh");
	if (c->linux_.masked_paths_set)
		line(x, TS_STEP_MASK, "cover %s",
		     join(options, sizeof options, &c->linux_.masked_paths, "nothing"));
	if (c->linux_.readonly_paths_set)
		line(x, TS_STEP_MASK, "read-only: %s",
		     join(options, sizeof options, &c->linux_.readonly_paths, "nothing"));
	if (c->taskshim.chroot != TS_CHROOT_NONE && !c->linux_.masked_paths_set)
		line(x, TS_STEP_MASK,
		     "by default: cover what /proc and /sys tell of the host, /proc/sys read-only");
	explain_before_root(x);
	line(x, TS_STEP_PIVOT,
	     c->taskshim.isolation == TS_ISOLATION_CHROOT ? "chroot"
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

	if (c->taskshim.user)
		line(x, TS_STEP_USER, "%s, looked up in the root", c->taskshim.user);
	else if (p->user.set)
		line(x, TS_STEP_USER, "uid %u, gid %u, %zu more groups", p->user.uid, p->user.gid,
		     p->user.n_additional_gids);
	else
		line(x, TS_STEP_USER, "nobody, looked up in the root (65534 when it has none)");
	if (c->taskshim.init)
		line(x, TS_STEP_INIT, "fork: process 1 stays as the reaper, the other goes on");
	for (size_t i = 0; i < p->n_rlimits; i++)
		line(x, TS_STEP_RLIMITS, "%s %llu:%llu", p->rlimits[i].name,
		     (unsigned long long)p->rlimits[i].soft,
		     (unsigned long long)p->rlimits[i].hard);
	explain_scheduling(x);
	line(x, TS_STEP_CAPS, "bounding %s",
	     capability_text(p->capabilities.bounding, text, sizeof text));
	line(x, TS_STEP_CAPS, "permitted %s",
	     capability_text(p->capabilities.permitted, text, sizeof text));
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
	line(x, TS_STEP_COMMAND, "look up \"%s\"", p->args.n ? p->args.v[0] : "");
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
	explain_namespaces(x);
	if (x->config->process.oom_score_adj.set)
		line(x, TS_STEP_OOM, "oom_score_adj %lld",
		     (long long)x->config->process.oom_score_adj.value);
	line(x, TS_STEP_SESSION, "new session%s, default signals, no other descriptors",
	     x->config->taskshim.inherit_keyring ? ", the caller's keyring" : " and keyring");
	if (x->config->hostname)
		line(x, TS_STEP_HOSTNAME, "%s", x->config->hostname);
	explain_root(x);
	if (x->config->taskshim.isolation != TS_ISOLATION_NONE)
		explain_mounts(x);
	else
		explain_before_root(x);
	explain_credentials(x);
	explain_command(x);
	explain_hooks(x, OCI_HOOK_POSTSTART);
	explain_hooks(x, OCI_HOOK_POSTSTOP);
	return 0;
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
						{"help", no_argument, NULL, 'h'},
						{0}};
	struct explain x = {.global = global, .id = "ID"};
	struct json_object *document;
	struct config *config;
	struct ts_error e = {0};
	char bundle[PATH_MAX];
	int option, status = 0, r;

	while ((option = option_next(&verb_explain, argc, argv, "+:hb:", options, &status)) >= 0) {
		if (option == 'b')
			x.bundle = optarg;
		else
			x.id = optarg;
	}
	if (option == OPTION_EXIT)
		return status;
	if (arguments_check(&verb_explain, argc, 1, 1) < 0)
		return EXIT_FAILED;
	default_bundle(argv[optind], bundle);
	x.bundle = x.bundle ? x.bundle : bundle;
	r = config_read(argv[optind], &document, &e);
	if (r == 0) {
		r = config_decode(document, &config, &e);
		if (r == 0) {
			x.config = config;
			r = explain(&x, &e);
			config_free(config);
		}
		json_object_put(document);
	}
	if (r < 0)
		report_error(global, &e);
	return r < 0 ? EXIT_FAILED : 0;
}
