"""The defences against the attacks of docs/attacks.md: how each is taken out, and which tests then fail."""
from collections import namedtuple

# edits: (file, what stands in it exactly once, what then stands there). tests: "program:test".
Defence = namedtuple("Defence", "name edits tests")

DEFENCES = [
    Defence(
        "the host's descriptors are closed",
        [("spawn/stdio.c", "if (ts_close_all_but(3, keep, sizeof keep / sizeof keep[0]) < 0)", "if (!keep[0])")],
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
        "the working directory is proven to be inside",
        [("spawn/pivot.c", "if (path[0] != '/')", "if (!path[0])")],
        ["test_attacks:test_working_directory_of_another_process"],
    ),
    Defence(
        "no directory is a standard stream",
        [("spawn/stdio.c", "if (S_ISDIR(st.st_mode))", "if (S_ISBLK(st.st_mode))")],
        ["test_attacks:test_directory_as_standard_stream"],
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
        [("spawn/stdio.c", "if (rest)\n", "if (rest && !*rest)\n")],
        [
            "test_attacks:test_standard_stream_that_is_a_trap",
            "test_attacks:test_log_that_changes_places_with_a_symlink",
            "test_stdio:test_below_task_dir_no_symlink_at_all",
            "test_stdio:test_below_task_dir_by_another_spelling",
        ],
    ),
    Defence(
        "... nor as the last component",
        [("spawn/stdio.c", "(int)flags | O_NOFOLLOW | O_CLOEXEC", "(int)flags | O_CLOEXEC")],
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
]
