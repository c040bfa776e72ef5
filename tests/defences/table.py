"""The defences against the attacks of docs/attacks.md: how each is taken out, and which tests then fail."""
from collections import namedtuple

# edits: (file, what stands in it exactly once, what then stands there). tests: "program:test".
Defence = namedtuple("Defence", "name edits tests")

DEFENCES = [
    Defence(
        "the host's descriptors are closed",
        [("spawn/stdio.c", "if (ts_close_all_but(first_own(task->plan), keep, sizeof keep / sizeof keep[0]) < 0)", "if (!keep[0])")],
        [
            "test_attacks:test_command_that_leads_through_proc_self_fd",
            "test_attacks:test_interpreter_that_leads_through_proc_self_fd",
            "test_attacks:test_nothing_of_the_host_is_open_at_the_gate",
        ],
    ),
    Defence(
        "no magic link leads to the user database",
        [("spawn/user.c", "ts_open_here(path, ", "open(path, O_CLOEXEC | ")],
        ["test_attacks:test_user_database_that_leads_through_proc_self_fd"],
    ),
    Defence(
        "a hook has nothing of the host open",
        [("util/hook.c", "ts_close_all_but(3, &said, 1) < 0)", "said < 0)")],
        ["test_attacks:test_hook_that_leads_through_the_hosts_procfs"],
    ),
    Defence(
        "who joins a user namespace is not dumpable",
        [
            ("spawn/joiner.c", "prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)", "prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)"),
            ("spawn/session.c", "if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) <", "if (prctl(PR_SET_DUMPABLE, 1, 0, 0, 0) <"),
        ],
        ["test_userns:test_joined_user_namespace_cannot_trace_the_start"],
    ),
    Defence(
        "mapped mounts are cloned where the kernel has locked them",
        [("spawn/idmap.c", "if (setns(pidfd, CLONE_NEWNS) < 0 || chdir(cwd) < 0)", "if (pidfd < 0 || chdir(cwd) < 0)")],
        ["test_userns:test_what_the_host_forbids_of_a_mapped_mount_stays_forbidden"],
    ),
    Defence(
        "a namespace is joined by the descriptor that was looked at, and as what it is",
        [
            ("spawn/namespaces.c", "return ts_fd_take(&fd);\n}\n\n/* A new cgroup", "return open(path, O_RDONLY | O_CLOEXEC);\n}\n\n/* A new cgroup"),
            ("spawn/namespaces.c", "setns(fd, kinds[type].flag) < 0", "setns(fd, 0) < 0"),
        ],
        ["test_namespaces:test_path_that_is_swapped_meanwhile"],
    ),
    Defence(
        "... nor has the command after the hooks",
        [("spawn/init.c", "if (task->proc_fd >= 0)\n		(void)close(task->proc_fd);", "if (task->proc_fd < -1)\n		(void)close(task->proc_fd);")],
        ["test_attacks:test_command_that_leads_through_the_hosts_procfs"],
    ),
    Defence(
        "the working directory is proven to be inside",
        [("spawn/pivot.c", "if (path[0] != '/')", "if (!path[0])")],
        ["test_attacks:test_working_directory_of_another_process"],
    ),
    Defence(
        "no directory is a standard stream",
        [("spawn/stdio.c", "if (S_ISDIR(st.st_mode))", "if (S_ISBLK(st.st_mode))")],
        ["test_attacks:test_directory_as_standard_stream", "test_descriptors.py:test_refusals"],
    ),
    Defence(
        "the monitor keeps no descriptor of the task's",
        [("spawn/plan.c", "	stdio_close_preserved(plan);\n", "")],
        ["test_descriptors.py:test_the_end_of_a_pipe_is_the_task_s_alone"],
    ),
    Defence(
        "a descriptor of taskshim's own is never taken for the caller's",
        [("shim/cmd/descriptors.c", "return flags >= 0 && !(flags & FD_CLOEXEC);", "return flags >= 0;")],
        ["test_descriptors.py:test_what_we_have_open_ourselves_is_none_of_them"],
    ),
    Defence(
        "sources of mounts and copies in a task's directories follow no symlink",
        [("spawn/source.c", "return ts_path_enters(path, dirs, sizeof dirs / sizeof dirs[0], &ignored);",
          "(void)dirs; (void)ignored; return !path;")],
        [
            "test_attacks:test_bind_source_that_is_a_trap",
            "test_attacks:test_bound_source_of_the_map_that_is_a_trap",
            "test_attacks:test_copied_source_of_the_map_that_is_a_trap",
            "test_mounts:test_bind_source_in_a_tasks_directory_follows_no_symlink",
            "test_races:test_race_of_a_bind_source",
        ],
    ),
    Defence(
        "... however their path is spelt",
        [("util/path_sys.c", "dir.st_ino != here.st_ino)", "dir.st_ino != here.st_ino || path[0] != '/' || strstr(path, \"alias\"))")],
        [
            "test_attacks:test_bind_source_that_is_a_trap",
            "test_attacks:test_bound_source_of_the_map_that_is_a_trap",
            "test_attacks:test_copied_source_of_the_map_that_is_a_trap",
            "test_attacks:test_standard_stream_that_is_a_trap",
        ],
    ),
    Defence(
        "standard streams in a task's directories follow no symlink",
        [("util/path_sys.c", "return rest ? ts_open_beneath(dir, rest, flags, mode)", "return rest && !*rest ? ts_open_beneath(dir, rest, flags, mode)")],
        [
            "test_attacks:test_standard_stream_that_is_a_trap",
            "test_attacks:test_log_that_changes_places_with_a_symlink",
            "test_stdio:test_below_task_dir_no_symlink_at_all",
            "test_stdio:test_below_task_dir_by_another_spelling",
        ],
    ),
    Defence(
        "... nor as the last component",
        [("util/path_sys.c", "open(path, (int)flags | O_NOFOLLOW | O_CLOEXEC, mode)", "open(path, (int)flags | O_CLOEXEC, mode)")],
        ["test_stdio:test_symlink_as_last_component_is_refused"],
    ),
    Defence(
        "a log has no other name",
        [("spawn/stdio.c", "S_ISREG(st.st_mode) && st.st_nlink != 1", "S_ISREG(st.st_mode) && st.st_nlink == 0")],
        [
            "test_attacks:test_log_that_was_replaced_between_runs",
            "test_stdio:test_directory_socket_and_hard_link_are_refused",
        ],
    ),
    Defence(
        "uid and gid are read back",
        [("spawn/capabilities.c", 'return ts_fail(e, EPERM, "ids are not what was asked for", NULL);', "return 0;")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "the number of groups is read back",
        [("spawn/capabilities.c", "if (n < 0 || (size_t)n != want->n_groups)", "if (n < 0)")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "groups are read back",
        [("spawn/capabilities.c", "if (!found)\n", "if (!found && n > 64)\n")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "the permitted, effective and inheritable sets are read back",
        [("spawn/capabilities.c", "if (!same || bounding", "if ((!same && !want) || bounding")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "the bounding set is read back",
        [("spawn/capabilities.c", "|| bounding != want->bounding ||", "||")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "the ambient set is read back",
        [("spawn/capabilities.c", "|| ambient != want->ambient)", "|| ambient == UINT64_MAX)")],
        ["test_privileges:test_credentials_that_were_not_set_are_noticed"],
    ),
    Defence(
        "mounts of the task's directories are nosuid",
        [("spawn/taskdir.c", "MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV", "MOUNT_ATTR_NODEV")],
        [
            "test_privileges:test_setuid_programs_on_our_mounts_are_powerless",
            "test_root:test_task_dir_ignores_setuid_bits",
        ],
    ),
    Defence(
        "mounts of the map are nosuid",
        [("spawn/rootfs.c", "MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID | MOUNT_ATTR_NODEV", "MOUNT_ATTR_RDONLY | MOUNT_ATTR_NODEV")],
        [
            "test_privileges:test_setuid_programs_on_our_mounts_are_powerless",
            "test_root:test_preset_host_has_the_hosts_programs_read_only",
            "test_root:test_map_binds_directories_and_files_read_only",
        ],
    ),
    Defence(
        "a directory that is the root is nodev",
        [("shim/cmd/flags_config.c", '{"remount", "rnosuid", "rnodev"};', '{"remount", "rnosuid", "rnosuid"};')],
        ["test_attacks.py:test_devices_and_programs_of_a_directory_are_powerless"],
    ),
    Defence(
        "no_new_privs is set",
        [("spawn/session.c", "if (process->no_new_privileges &&", "if (!process &&")],
        [
            "test_privileges:test_setuid_programs_of_the_root_are_powerless_with_no_new_privs",
            "test_process:test_no_new_privs",
        ],
    ),
    Defence(
        "init is not dumpable",
        [("spawn/session.c", "prctl(PR_SET_DUMPABLE, 0, 0, 0, 0)", "prctl(PR_GET_DUMPABLE, 0, 0, 0, 0)")],
        [
            "test_privileges:test_task_at_its_gate_is_closed_to_others_of_its_user",
            "test_init:test_process_1_cannot_be_traced_nor_ended_from_inside",
        ],
    ),
    Defence(
        "the terminal goes on no link of /dev",
        [("spawn/devices.c", 'openat(task->dev_fd, "console", O_PATH | O_NOFOLLOW | O_CLOEXEC)', 'openat(task->dev_fd, "console", O_PATH | O_CLOEXEC)')],
        ["test_terminal:test_console_that_is_a_symlink_is_refused"],
    ),
    Defence(
        "the terminal is made in a devpts alone",
        [("spawn/terminal.c", "if (pts >= 0 && fs.f_type == DEVPTS_SUPER_MAGIC)", "if (pts >= 0)")],
        ["test_terminal:test_pts_of_the_image_is_not_opened"],
    ),
    Defence(
        "a task has a session of its own",
        [("spawn/session.c", "if (setsid() < 0)", "if (getsid(0) < 0)")],
        [
            "test_privileges:test_task_cannot_type_on_the_callers_terminal",
            "test_process:test_task_has_its_own_session_and_no_terminal",
        ],
    ),
    Defence(
        "the gate is a file, not an abstract name",
        [("spawn/statedir.c", 'address.sun_path, "/proc/self/fd/%d/%s"', 'address.sun_path, "%c/proc/self/fd/%d/%s", 0')],
        ["test_privileges:test_our_sockets_have_no_name_that_a_task_can_reach"],
    ),
    Defence(
        "the gate looks at who opens it",
        [("spawn/init.c", "(peer.uid == 0 || peer.uid == owner)", "(peer.uid != owner + 77777)")],
        ["test_privileges:test_gate_is_opened_by_no_other_user"],
    ),
    Defence(
        "a mount of cgroups is read-only where it is asked to be",
        [("spawn/mount_cgroup.c", "if (read_only && mount_set(tree", "if (read_only && !path && mount_set(tree"),
         ("spawn/mount_cgroup.c", "	char name[NAME_MAX + 1];\n	_cleanup_fd_ int tree", "	const char *path = cgroup->path;\n	char name[NAME_MAX + 1];\n	_cleanup_fd_ int tree")],
        ["test_privileges:test_cgroups_are_out_of_reach"],
    ),
    Defence(
        "a mount of cgroups shows the task's own",
        [("spawn/mount_cgroup.c", "	tree = mount_clone(fd, \"\", false);",
          "	(void)close(fd);\n	fd = open(strstr(cgroup->path, \"memory\") ? \"/sys/fs/cgroup/memory\" : \"/sys/fs/cgroup/pids\", O_PATH | O_CLOEXEC);\n"
          "	tree = mount_clone(fd, \"\", false);"),
         ("spawn/mount_cgroup.c", "#include <errno.h>\n", "#include <errno.h>\n#include <fcntl.h>\n#include <unistd.h>\n")],
        ["test_privileges:test_cgroups_are_out_of_reach"],
    ),
    Defence(
        "oom_score_adj is written where nothing is mounted over the way",
        [("util/path_sys.c", "RESOLVE_BENEATH | RESOLVE_NO_XDEV);", "0);")],
        ["test_attacks:test_oom_score_adj_that_is_another_file", "test_attacks:test_proc_that_is_none"],
    ),
    Defence(
        "... through the procfs itself",
        [("util/path_sys.c", "if (fs.f_type == PROC_SUPER_MAGIC && st.st_ino == PROC_ROOT_INODE)", "if (fs.f_type && st.st_ino)")],
        ["test_attacks:test_proc_that_is_none"],
    ),
    Defence(
        "the host's device nodes are bound read-only",
        [("spawn/devices.c", "mount_set(tree, MOUNT_ATTR_RDONLY | ", "mount_set(tree, ")],
        ["test_devices:test_the_hosts_nodes_are_bound_where_none_can_be_made"],
    ),
    Defence(
        "device nodes are made in memory of the task's own",
        [("spawn/devices.c", "if (maker->task->dev_fd >= 0 && st.st_dev == maker->dev)", "if (st.st_dev)")],
        ["test_devices:test_no_node_is_made_on_the_hosts_disk"],
    ),
    # A path is walked from the root's descriptor, but a symlink leads out. (Of "..", links to the host's "/" are left out here.)
    Defence(
        "no path below the root leads out of it",
        [("util/path_sys.c", "return open_how(root_fd, path, flags, 0, RESOLVE_IN_ROOT);",
          'path += strspn(path, "/");\n	return open_how(root_fd, *path ? path : ".", flags, 0, 0);')],
        [
            "test_races:test_targets_that_are_symlinks",
            "test_races:test_race_of_new_filesystems",
            "test_races:test_race_of_bind_mounts",
            "test_races:test_race_of_the_tasks_directories",
            "test_races:test_race_of_devices",
            "test_races:test_race_of_tmpcopyup",
            "test_races:test_race_of_a_cgroup_mount",
            "test_root:test_special_directories_that_are_symlinks_leave_the_host_untouched",
            "test_root:test_racing_symlink_leaves_the_host_untouched",
            "test_devices:test_symlinks_leave_the_host_untouched",
            "test_devices:test_racing_symlinks_leave_the_host_untouched",
        ],
    ),
    Defence(
        "a copy follows no symlink",
        [("spawn/copy_tree.c", "const int flags = O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;",
          "const int flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;")],
        [
            "test_copy:test_a_racing_symlink_leaves_the_host_untouched",
            "test_copy:test_symlinks_in_the_root_lead_nowhere_else",
        ],
    ),
    Defence(
        "a mask is made of the host's /dev/null",
        [("spawn/mask.c", "struct covers covers = {.null_fd = -1,",
          'struct covers covers = {.null_fd = ts_open_in_root(task->root_fd, "/dev/null", O_PATH),')],
        ["test_root:test_mask_does_not_come_from_the_roots_dev_null"],
    ),
    Defence(
        "masks of directories are read-only",
        [("spawn/mask.c", "MOUNT_ATTR_RDONLY | MOUNT_ATTR_NOSUID |\n", "MOUNT_ATTR_NOSUID |\n")],
        ["test_root:test_given_paths_are_masked_and_read_only", "test_root:test_default_paths_are_masked_and_read_only"],
    ),
    Defence(
        "masked paths are covered",
        [("spawn/mask.c", "if (mount_move(cover, target) < 0)", "if (cover < 0)")],
        ["test_root:test_given_paths_are_masked_and_read_only"],
    ),
    Defence(
        "read-only paths are",
        [("spawn/mask.c", "mount_set(tree, MOUNT_ATTR_RDONLY, 0, MS_PRIVATE, true)", "mount_set(tree, 0, 0, MS_PRIVATE, true)")],
        ["test_root:test_given_paths_are_masked_and_read_only", "test_root:test_default_paths_are_masked_and_read_only"],
    ),
    Defence(
        "no mount reaches the host",
        [("spawn/namespaces.c", 'mount(NULL, "/", NULL, MS_REC | MS_SLAVE, NULL)', 'mount(NULL, "/", NULL, MS_REC | MS_SHARED, NULL)')],
        ["test_root:test_root_of_a_map_is_private_memory"],
    ),
    Defence(
        "spawn-daemon executes from a read-only clone",
        [("spawn/run.c", "if (run->options->handed_over < 0 && protect_is_needed", "if (run->options->handed_over < -1 && protect_is_needed")],
        [
            "test_protect:test_file_executed_as_the_command_cannot_be_overwritten",
            "test_protect:test_file_of_the_monitor_cannot_be_overwritten",
        ],
    ),
    Defence(
        "... that is proven to be one",
        [("spawn/protect.c", "if (!is_protected())", "if (!is_protected() && fd < 0)")],
        ["test_protect:test_handed_over_option_opens_no_way_round"],
    ),
    Defence(
        "the helper refuses to be set-user-ID",
        [("spawn/hygiene.c", "if (getauxval(AT_SECURE))", "if (!getauxval(AT_PAGESZ))")],
        [
            "test_bad_input:test_setuid_installation_is_refused",
            "test_attacks.py:test_setuid_taskshim_is_refused",
            "test_attacks.py:test_file_capabilities_on_spawn_daemon_are_refused",
        ],
    ),
    Defence(
        "taskshim refuses to be set-user-ID",
        [("shim/cmd/main.c", "if (getauxval(AT_SECURE))", "if (!getauxval(AT_PAGESZ))")],
        ["test_attacks.py:test_setuid_taskshim_is_refused"],
    ),
    Defence(
        "taskshim fills descriptors 0 to 2",
        [("shim/cmd/main.c", "	fill_standard_fds();\n	if", "	(void)fill_standard_fds;\n	if")],
        ["test_attacks.py:test_closed_standard_descriptors_are_nobody_elses"],
    ),
    Defence(
        "spawn-daemon looks at descriptors 0 to 2",
        [("spawn/stdio.c", "if (fcntl(fd, F_GETFD) < 0)", "if (fd < 0)")],
        ["test_bad_input:test_closed_standard_input"],
    ),
    Defence(
        "a task has its own pid and ipc namespace by default",
        [("shim/cmd/flags_config.c", '"--pid", f->pid, "pid", "private", !raw, e)', '"--pid", f->pid, "pid", "private", false, e)'),
         ("shim/cmd/flags_config.c", '"--ipc", f->ipc, "ipc", "private", !raw, e)', '"--ipc", f->ipc, "ipc", "private", false, e)')],
        [
            "test_attacks.py:test_two_tasks_of_one_user_do_not_see_each_other",
            "test_run.sh:test_run_has_private_namespaces",
        ],
    ),
    Defence(
        "capabilities that are not asked for are dropped",
        [("spawn/capabilities.c", "r = cap_set_proc(caps);", "r = 0;"),
         ("spawn/capabilities.c", "if (!same || bounding", "if ((!same && !want) || bounding")],
        [
            "test_attacks.py:test_no_task_gets_raw_sockets_by_default",
            "test_process:test_capabilities_golden_matrix",
        ],
    ),
    Defence(
        "... and go from the bounding set",
        [("spawn/capabilities.c", "prctl(PR_CAPBSET_DROP, (unsigned long)cap, 0, 0, 0)", "prctl(PR_CAPBSET_READ, (unsigned long)cap, 0, 0, 0)"),
         ("spawn/capabilities.c", "|| bounding != want->bounding ||", "||")],
        [
            "test_process:test_capabilities_golden_matrix",
            "test_process:test_capabilities_absent_are_five_empty_sets",
            "test_run.sh:test_run_has_no_privileges",
        ],
    ),
    Defence(
        "the caller's ambient set is cleared",
        [("spawn/capabilities.c", "if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)", "if (!caps)"),
         ("spawn/capabilities.c", "|| ambient != want->ambient)", "|| ambient == UINT64_MAX)"),
         ("spawn/capabilities.c", "r = cap_set_proc(caps);", "r = 0;"),
         ("spawn/capabilities.c", "if (!same || bounding", "if ((!same && !want) || bounding")],
        ["test_process:test_callers_inheritable_and_ambient_sets_do_not_leak"],
    ),
    Defence(
        "the default list of capabilities is short",
        [("shim/cmd/spec.c", '"CAP_NET_BIND_SERVICE"};', '"CAP_NET_RAW"};')],
        ["test_attacks.py:test_no_task_gets_raw_sockets_by_default"],
    ),
    Defence(
        "no netlink is spoken",
        [("spawn/namespaces.c", "socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0)", "socket(AF_NETLINK, SOCK_DGRAM | SOCK_CLOEXEC, 0)")],
        ["test_attacks.py:test_no_netlink_is_spoken"],
    ),
    Defence(
        "ids are names, not paths",
        [("protocol/values_util.c", "return n >= 1 && n <= TASK_ID_MAX && id[n] == '\\0' && id[0] != '-' &&", "if (n != TASK_ID_MAX)\n		return true;\n	return")],
        ["test_attacks.py:test_names_that_lead_elsewhere_are_no_tasks"],
    ),
    Defence(
        "a state directory is no symlink",
        [("shim/statedir.c", "O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC", "O_RDONLY | O_DIRECTORY | O_CLOEXEC")],
        ["test_attacks.py:test_names_that_lead_elsewhere_are_no_tasks"],
    ),
    Defence(
        "a task's devices are its own nodes",
        [("spawn/devices.c", "if (mknodat(task->dev_fd, name, S_IFCHR | 0666, node.device) == 0 || errno == EEXIST)", "if ((errno = EPERM) == 0)"),
         ("spawn/devices.c", "mount_set(tree, MOUNT_ATTR_RDONLY | ", "mount_set(tree, ")],
        ["test_attacks.py:test_devices_of_the_host_stay_as_they_are"],
    ),
    Defence(
        "a name of digits is no name",
        [("spawn/user.c", "ts_passwd_find(text, numeric ? NULL : user,", "ts_passwd_find(text, user,")],
        ["test_process:test_user_forms"],
    ),
    Defence(
        "an id is digits",
        [("util/passwd_util.c", "if (text[i] < '0' || text[i] > '9')\n			return false;", "if (text[i] < '0' || text[i] > '9')\n			break;")],
        ["test_process:test_user_that_is_none_is_an_error"],
    ),
    Defence(
        "a user that is not found is none",
        [("spawn/user.c", "if (!numeric)\n", "if (!numeric && !*user)\n")],
        ["test_process:test_user_that_is_none_is_an_error", "test_process:test_user_not_found_names_user_and_file"],
    ),
    Defence(
        "nobody is not root",
        [("spawn/user.c", "&entry) && entry.uid != 0;", "&entry);")],
        ["test_process:test_user_default_is_nobody_never_root"],
    ),
    Defence(
        "the gid is set",
        [("spawn/user.c", "if (setresgid(who->gid, who->gid, who->gid) < 0)", "if (!who)"),
         ("spawn/capabilities.c", 'return ts_fail(e, EPERM, "ids are not what was asked for", NULL);', "return 0;")],
        ["test_process:test_process_user_is_exact"],
    ),
    Defence(
        "the caller's groups are dropped",
        [("spawn/user.c", "setgroups(who->n_groups, who->groups) < 0)", "!who)"),
         ("spawn/capabilities.c", "if (n < 0 || (size_t)n != want->n_groups)", "if (n >= 0)\n		return 0;\n	if (n < 0)")],
        ["test_process:test_callers_groups_are_dropped"],
    ),
    Defence(
        "signal dispositions are reset",
        [("spawn/hygiene.c", "signo <= KERNEL_NSIG;", "signo < 1;")],
        ["test_process:test_signals_are_reset"],
    ),
    Defence(
        "signals are unblocked",
        [("spawn/hygiene.c", "	set_mask(0);", "	set_mask(1);")],
        ["test_process:test_signals_are_reset"],
    ),
    Defence(
        "the umask is set",
        [("spawn/session.c", "(void)umask(process->user.umask.set ?", "(void)(process->user.umask.set ?")],
        ["test_process:test_umask_is_022_or_as_given"],
    ),
    Defence(
        "a task has a keyring of its own",
        [("spawn/session.c", "if (config->taskshim.inherit_keyring)", "if (config)")],
        ["test_process:test_callers_keyring_is_not_inherited"],
    ),
    Defence(
        "what the caller left open is closed",
        [("spawn/stdio.c", "if (ts_close_all_but(first_own(plan), keep, n) < 0)", "if (n > 3 && keep[0])"),
         ("spawn/stdio.c", "if (ts_close_all_but(first_own(task->plan), keep, sizeof keep / sizeof keep[0]) < 0)", "if (!keep[0])")],
        ["test_process:test_task_has_descriptors_0_1_2_only"],
    ),
    Defence(
        "the environment is the config's alone",
        [("spawn/init.c", "(char *const *)plan->config->process.env.v)", "environ)")],
        ["test_process:test_env_arrives_byte_for_byte_and_alone"],
    ),
    Defence(
        "the end of the parent is not the gate",
        [("spawn/run.c", "run->aborted = true;\n		run->reason = ABORT_PARENT_GONE;\n		return 0;", "return 1;")],
        ["test_wire:test_end_of_file_right_after_the_config_aborts", "test_wire:test_gate_end_of_file_aborts"],
    ),
    Defence(
        "a process is known by its start time",
        [("util/proc_sys.c", "if (now == start)", "if (now == start || now)"), ("util/proc_sys.c", "if (st.st_ino != inode)", "if (st.st_ino != inode && !inode)")],
        ["test_pid_reuse.py:test_the_number_of_an_ended_task", "test_pid_reuse.py:test_the_number_of_an_unmonitored_task"],
    ),
    Defence(
        "a monitor is known by its start time",
        [("util/proc_sys.c", "if (now == start)", "if (now == start || now)")],
        ["test_pid_reuse.py:test_the_number_of_an_ended_monitor", "test_pid_reuse.py:test_the_monitors_number_of_a_task_that_goes_on"],
    ),
    Defence(
        "... and by its pidfd's inode",
        [("util/proc_sys.c", "if (st.st_ino != inode)", "if (st.st_ino != inode && !inode)")],
        ["test_pid_reuse.py:test_a_number_that_is_used_again_in_the_same_clock_tick"],
    ),
    Defence(
        "a cgroup is known by its mark",
        [("util/cgroup_remove.c", "if (n != TS_RUN_ID_LEN || memcmp(mark, run_id, TS_RUN_ID_LEN) != 0)", "if (n < 0 && !run_id)")],
        ["test_gc.py:test_a_cgroup_of_another_run_is_left_alone"],
    ),
    Defence(
        "a record counts for its run alone",
        [("shim/task_exit.c", "if (strcmp(record.run_id, task->cgroups.run_id) != 0 ||", "if (")],
        ["test_open.py:test_the_record_of_another_run_is_none"],
    ),
    Defence(
        "one start of an id wins",
        [("shim/statedir.c", "if (mkdirat(dir->root_fd, id, 0700) < 0)", "if (mkdirat(dir->root_fd, id, 0700) < 0 && errno != EEXIST)")],
        ["test_races.py:test_of_many_starts_of_one_id_exactly_one_wins"],
    ),
    Defence(
        "with chroot the root lies on top of the host's",
        [("spawn/pivot.c", 'if (chroot(".") < 0)', 'if (chroot(config->root.path ? config->root.path : ".") < 0)'),
         ("spawn/rootfs.c", "if (top < 0 || mount_move(root_fd, top) < 0)", "if (top < 0 || (root_fd < 0 && mount_move(root_fd, top) < 0))")],
        ["test_attacks:test_root_has_no_way_up"],
    ),
    Defence(
        "a base mount namespace has nothing but an empty root",
        [("spawn/pivot.c", "if (fs.f_type != TMPFS_MAGIC || fs.f_files != 1)", "if (fs.f_type == 0)")],
        ["test_base_namespace:test_other_namespaces_are_refused"],
    ),
    # Each of the two alone keeps ".." inside: the root's mount has nothing above it.
    Defence(
        "... nor does .. from a root that is no mount",
        [("util/path_sys.c", "return open_how(root_fd, path, flags, 0, RESOLVE_IN_ROOT);",
          'path += strspn(path, "/");\n	return open_how(root_fd, *path ? path : ".", flags, 0, 0);'),
         ("spawn/rootfs.c", 'tree = mount_clone(dir, "", true);', "tree = fcntl(dir, F_DUPFD_CLOEXEC, 3);"),
         ("spawn/rootfs.c", "mount_set(tree, 0, 0, MS_PRIVATE, true) < 0))", "!path))"),
         ("spawn/rootfs.c", "if (top < 0 || mount_move(root_fd, top) < 0)", "if (top < 0 || (root_fd < 0 && mount_move(root_fd, top) < 0))")],
        ["test_attacks:test_dots_in_a_path_stay_inside"],
    ),
    Defence(
        "sysctls are of the task's own namespaces",
        [("protocol/config.c", "	if (!c->linux_.namespaces[type].set)\n		return json_fail(r, &here, \"needs a%s",
          "	if (!name)\n		return json_fail(r, &here, \"needs a%s")],
        ["test_sysctl:test_each_needs_its_namespace"],
    ),
    Defence(
        "no sysctl is set in a namespace that is the host's, however it is named",
        [("spawn/sysctl.c", "if (own.st_ino == joined.st_ino && own.st_dev == joined.st_dev)", "if (own.st_ino == 0)")],
        ["test_sysctl:test_a_joined_namespace_is_changed_but_not_the_hosts"],
    ),
    Defence(
        "sysctls are written through a procfs that nobody has covered",
        [("spawn/sysctl.c", 'mount_new("proc", NULL, attributes, &own)', "((void)attributes, own.err = EPERM, -1)")],
        ["test_sysctl:test_a_covered_proc_of_the_host_does_not_matter"],
    ),
    Defence(
        "a start that fails gives network devices back",
        [("spawn/run.c", "netdevices_undo(&run->devices)", "netdevices_keep(&run->devices)")],
        [
            "test_netdevices:test_a_failed_move_gives_back_what_has_moved",
            "test_netdevices:test_each_later_failure_gives_the_devices_back",
            "test_netdevices:test_a_start_that_is_called_off_gives_them_back",
        ],
    ),
    Defence(
        "a directory of the task is given away as what it was made",
        [("spawn/taskdir.c", 'fchownat(task->made_task_dir_fds[i], "", uid, gid, AT_EMPTY_PATH) < 0)',
          "fchownat(task->plan->task_dir_fd, dirs[i].name, uid, gid, AT_SYMLINK_NOFOLLOW) < 0)")],
        ["test_attacks:test_directory_of_the_task_that_becomes_a_hard_link"],
    ),
    Defence(
        "process 1 does not keep what loads the filter",
        [("spawn/capabilities.c", "return task->command_pid ? 0 : task->plan->capability_for_seccomp;",
          "return task->plan->capability_for_seccomp;")],
        ["test_seccomp:test_process_1_of_init_stays_without_the_filter"],
    ),
    Defence(
        "a filter that denies the exec is refused",
        [("spawn/seccomp.c", "switch (answer(plan->seccomp, &data)) {", "switch ((void)data, SECCOMP_RET_ALLOW) {")],
        ["test_seccomp:test_filter_that_denies_the_exec_is_an_error_before_the_gate"],
    ),
    Defence(
        "under a filter that denies the exit, init ends all the same",
        [("spawn/seccomp.c", "		__builtin_trap();", "		;")],
        ["test_seccomp:test_exec_that_fails_under_a_filter_is_told"],
    ),
    Defence(
        "under a filter that denies the write, an error is told all the same",
        [("spawn/seccomp.c", "	return seccomp->shared->failed;\n}", "	return false;\n}")],
        ["test_seccomp:test_exec_that_fails_under_a_filter_is_told"],
    ),
    Defence(
        "under a filter that kills for it, nobody looks for the reason",
        [("spawn/init.c", "if (plan->seccomp && !can_explain(plan->seccomp))", "if (plan->seccomp && !can_explain(plan->seccomp) && !err)")],
        ["test_seccomp:test_exec_that_fails_under_a_filter_is_told"],
    ),
    Defence(
        "the listener is not waited for in connect(2)",
        [("spawn/seccomp_notify.c", "SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK", "SOCK_STREAM | SOCK_CLOEXEC")],
        ["test_seccomp:test_listener_that_does_not_accept_is_an_error_in_time"],
    ),
    Defence(
        "32-bit calls are no way around the default profile",
        [("tools/seccomp_default.c", "SCMP_ARCH_X86_64,\n		SCMP_ARCH_X86\n", "SCMP_ARCH_X86_64\n"),
         ("tools/seccomp_default.c", "emit_return(p, SECCOMP_RET_KILL_PROCESS);", "emit_return(p, SECCOMP_RET_ALLOW);")],
        ["test_seccomp:test_default_profile_is_for_32_bit_calls_too"],
    ),
    Defence(
        "init is born undumpable into a user namespace",
        [("spawn/init.c", "if (prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) < 0)", "if (dumpable < 0)")],
        ["test_privileges:test_init_with_a_user_namespace_cannot_be_traced"],
    ),
]
