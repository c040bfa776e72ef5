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
]
