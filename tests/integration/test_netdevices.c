/* linux.netDevices: the task gets them with name, addresses and all; a start that fails gives them back as they were. The test program
 * lives in a network namespace of its own: this machine's devices are out of its reach. */
#include "tests/integration/harness.h"

#include "util/fd.h"
#include "util/rtnetlink.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

/* What the probe says when it runs here. */
static const char *here(struct it *t, const char *words)
{
	const char *file = it_text(t, "%s/said", t->dir);

	if (system(it_text(t, "%s/bin/probe %s >%s", t->dir, words, file)) != 0)
		fail_msg("probe %s", words);
	return read_file(t, file);
}

static void make(struct it *t, const char *words)
{
	const char *said = here(t, words);

	for (const char *line = said; *line; line = strchr(line, '\n') + 1) {
		const char *end = strchr(line, '\n');

		if (end - line < 3 || strncmp(end - 3, " OK", 3) != 0)
			fail_msg("%s: %s", words, said);
	}
}

/* d0, up, in bridge br0, with addresses of both families; another end p0. The namespace of a task that has ended takes its devices
 * along, a little later, and with them their other ends here: what an earlier test left is removed. The bridge stays. */
static void make_device(struct it *t)
{
	static const char *const others[] = {"p0", "p1", "p2"};

	for (size_t i = 0; i < sizeof others / sizeof others[0]; i++)
		if (strstr(here(t, "links"), it_text(t, "link %s ", others[i])))
			(void)here(t, it_text(t, "del-link %s",
					      others[i])); /* or the kernel is faster */
	if (strstr(here(t, "veth d0 p0"), "EOPNOTSUPP"))
		it_skip("this kernel has no veth devices");
	if (!strstr(here(t, "links"), "link br0 "))
		make(t, "bridge br0 link-up br0");
	make(t, "link-up p0 master d0 br0 add-addr d0 192.0.2.1 24 0 "
		"add-addr d0 198.51.100.7 32 0 add-addr d0 2001:db8::1 64 0 link-up d0");
}

static int master_of(const char *name)
{
	_cleanup_fd_ int fd = rtnl_open();
	struct rtnl_link link = {0};

	return rtnl_link_by_name(fd, name, &link) < 0 ? -errno : link.master;
}

static struct json_object *device_config(struct it *t, const char *words)
{
	struct json_object *c = it_config(t, words);

	cfg_set(c, "linux.namespaces", "[{'type':'network'}]");
	cfg_set(c, "linux.netDevices", "{'d0':{'name':'eth0'}}");
	return c;
}

static void expect_not_here(struct it *t, const char *name)
{
	expect_not_contains(here(t, "links"), it_text(t, "link %s ", name));
}

/* --- the task has them --- */

static const char eth0[] = "link lo up\nlink eth0 up\naddr lo 127.0.0.1/8\naddr eth0 192.0.2.1/24\n"
			   "addr eth0 198.51.100.7/32\naddr lo ::1/128\naddr eth0 2001:db8::1/64\n";

static void test_a_device_is_moved_with_its_addresses(void **state)
{
	struct it *t = *state;

	make_device(t);
	assert_string_equal(it_output(t, device_config(t, "links")), eth0);
	expect_not_here(t, "d0");
}

static void test_a_device_without_a_new_name_keeps_its_own(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "links");

	make_device(t);
	cfg_set(c, "linux.netDevices", "{'d0':{}}");
	expect_contains(it_output(t, c), "link d0 up\n");
	expect_not_here(t, "d0");
}

/* OCI: the runtime must bring it up. */
static void test_a_device_that_is_down_is_brought_up(void **state)
{
	struct it *t = *state;

	make_device(t);
	make(t, "del-link p0 veth d0 p0 link-up p0");
	expect_contains(here(t, "links"), "link d0 down\n");
	expect_contains(it_output(t, device_config(t, "links")), "link eth0 up\n");
}

static void test_addresses_that_are_not_for_ever_stay_away(void **state)
{
	struct it *t = *state;
	const char *out;

	make_device(t);
	make(t, "add-addr d0 203.0.113.9 24 600");
	out = it_output(t, device_config(t, "links"));
	expect_contains(out, "addr eth0 192.0.2.1/24\n");
	expect_not_contains(out, "203.0.113.9");
}

static void test_several_devices_and_names_with_a_number(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "links");
	const char *out;

	make_device(t);
	make(t, "veth d1 p1 add-addr d1 203.0.113.1 24 0 veth d2 p2");
	cfg_set(c, "linux.netDevices",
		"{'d1':{'name':'eth%%d'},'d2':{'name':'d0'},'d0':{'name':'eth%%d'}}");
	out = it_output(t, c);
	expect_contains(out, "addr eth0 203.0.113.1/24\n");
	expect_contains(out, "link d0 up\n");
	expect_contains(out, "addr eth1 192.0.2.1/24\n");
}

static void test_sysctls_of_a_moved_device_can_be_set(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "cat /proc/sys/net/ipv4/conf/eth0/rp_filter");

	make_device(t);
	cfg_set(c, "linux.sysctl", "{'net.ipv4.conf.eth0.rp_filter':'2'}");
	assert_string_equal(it_output(t, c), "2\n");
}

static void test_isolation_none_gets_devices(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "links");

	make_device(t);
	cfg_del(c, "taskshim.chroot");
	cfg_set(c, "taskshim.isolation", "'none'");
	cfg_set(c, "process.args[0]", "'%s/bin/probe'", t->dir);
	assert_string_equal(it_output(t, c), eth0);
}

/* In a namespace that outlives the task they stay: what becomes of them is its owner's business. A name that is free here may be taken
 * there, and the other way round. */
static void test_devices_stay_in_a_namespace_that_was_joined(void **state)
{
	struct it *t = *state;
	struct json_object *holder = it_config(t, "veth d0 other echo ready pause"), *c;
	const char *before;
	pid_t pid;

	cfg_set(holder, "linux.namespaces", "[{'type':'network'}]");
	cfg_set(holder, "process.capabilities",
		"{'bounding':['CAP_NET_ADMIN'],"
		"'permitted':['CAP_NET_ADMIN'],"
		"'effective':['CAP_NET_ADMIN']}");
	cfg_set(holder, "process.user", "{'uid':0,'gid':0}");
	it_wait_ready(t, it_start_task(t, holder, &pid));
	make_device(t);
	before = here(t, "links");
	c = device_config(t, "links");
	cfg_set(c, "linux.namespaces", "[{'type':'network','path':'/proc/%d/ns/net'}]", pid);
	cfg_set(c, "linux.netDevices", "{'d0':{}}");
	(void)it_expect_error(t, c, 125, "netdevices", EEXIST, "d0");
	assert_string_equal(here(t, "links"), before);
	cfg_set(c, "linux.netDevices", "{'d0':{'name':'other'}}");
	(void)it_expect_error(t, c, 125, "netdevices", EEXIST, "other");
	assert_string_equal(here(t, "links"), before);
	cfg_set(c, "linux.netDevices", "{'d0':{'name':'new'}}");
	expect_contains(it_output(t, c), "addr new 192.0.2.1/24\n");
	cfg_del(c, "linux.netDevices");
	expect_contains(it_output(t, c), "addr new 192.0.2.1/24\n");
	expect_not_here(t, "d0");
}

/* --- a start that fails --- */

/* Everything that can be told of d0, which must have come back by now. */
static void expect_as_before(struct it *t, const char *before, int master)
{
	assert_string_equal(here(t, "links"), before);
	assert_int_equal(master_of("d0"), master);
}

static void test_a_failed_move_gives_back_what_has_moved(void **state)
{
	static const struct {
		const char *devices;
		int err;
		const char *object;
	} rows[] = {
		{"{'d0':{'name':'eth0'},'none':{}}", ENODEV, "no such network device: none"},
		{"{'d0':{'name':'eth0'},'d1':{'name':'eth0'}}", EEXIST,
		 "the task has a network device eth0: move d1"},
		{"{'d0':{'name':'lo'}}", EEXIST, "the task has a network device lo: move d0"},
		{"{'d0':{'name':'eth0'},'lo':{'name':'x'}}", EINVAL, "lo into the task as x"},
	};
	struct it *t = *state;
	const char *before;
	int master;

	make_device(t);
	make(t, "veth d1 p1");
	before = here(t, "links");
	master = master_of("d0");
	assert_true(master > 0);
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = device_config(t, "echo ran");

		cfg_set_text(c, "linux.netDevices", rows[i].devices);
		(void)it_expect_error(t, c, 125, "netdevices", rows[i].err, rows[i].object);
		expect_as_before(t, before, master);
	}
}

static void test_each_later_failure_gives_the_devices_back(void **state)
{
	static const struct {
		const char *path, *value, *step;
		int status, err;
	} rows[] = {
		{"process.args[0]", "'/bin/none'", "command", 127, ENOENT},
		{"process.args[0]", "'/bin/script'", "exec", 126, ENOENT},
		{"process.cwd", "'/none'", "cwd", 125, ENOENT},
		{"linux.sysctl", "{'net.ipv4.none':'1'}", "sysctl", 125, ENOENT},
		{"hooks.createRuntime", "[{'path':'/bin/false'}]", "hook", 125, 0},
		{"hooks.createContainer", "[{'path':'/bin/false'}]", "hook", 125, 0},
		{"hooks.startContainer", "[{'path':'/bin/none'}]", "hook", 125, ENOENT},
	};
	struct it *t = *state;
	const char *before;
	int master;

	write_file(it_text(t, "%s/bin/script", t->dir), "#!/none\n", 0755);
	make_device(t);
	before = here(t, "links");
	master = master_of("d0");
	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		struct json_object *c = device_config(t, "echo ran");
		struct run *r;

		cfg_set_text(c, rows[i].path, rows[i].value);
		r = it_run(t, c);
		if (run_wait(r) != rows[i].status)
			fail_msg("%s: status %d", rows[i].path, run_wait(r));
		expect_error_line(r->lines[r->n_lines - 1], rows[i].step, rows[i].err, "");
		expect_as_before(t, before, master);
	}
}

static void test_a_start_that_is_called_off_gives_them_back(void **state)
{
	struct it *t = *state;
	const char *before;
	int master;

	make_device(t);
	before = here(t, "links");
	master = master_of("d0");
	for (int i = 0; i < 3; i++) {
		struct run *r = it_start_config(t, NULL, device_config(t, "echo ran"));
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		expect_not_here(t, "d0");
		if (i == 0)
			run_send(r, "false");
		if (i == 1)
			run_close_in(r);
		if (i == 2) /* init alone dies */
			assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(run_wait(r), i == 2 ? 125 : 0);
		expect_as_before(t, before, master);
	}
}

/* A hook may rename what it was given: the start fails, and the device is found all the same. */
static void test_a_device_that_a_hook_renamed_comes_back(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "echo ran");
	const char *before;
	int master;

	make_device(t);
	before = here(t, "links");
	master = master_of("d0");
	cfg_set(c, "hooks.createContainer",
		"[{'path':'/bin/sh','args':['sh','-c','ip link set eth0 down; "
		"ip link set eth0 name else; exit 3']}]");
	if (system("command -v ip >/dev/null") != 0)
		it_skip("no ip(8) here");
	(void)it_expect_error(t, c, 125, "hook", 0, "createContainer");
	expect_as_before(t, before, master);
}

static void test_the_hosts_own_namespace_is_refused(void **state)
{
	struct it *t = *state;
	struct json_object *c = device_config(t, "echo ran");
	const char *before;

	make_device(t);
	before = here(t, "links");
	cfg_set(c, "linux.namespaces", "[{'type':'network','path':'/proc/self/ns/net'}]");
	(void)it_expect_error(t, c, 125, "netdevices", EINVAL, "is the host's");
	cfg_del(c, "linux.namespaces");
	(void)it_expect_error(t, c, 125, "config", EINVAL, "linux.netDevices");
	assert_string_equal(here(t, "links"), before);
}

/* Without a monitor there is nobody who could give them back: spawn-daemon has done its part when it says `created`. A failure before
 * that gives them back. */
static void test_an_unmonitored_task_has_devices(void **state)
{
	struct it *t = *state;
	const char *before, *dir;
	struct json_object *c;
	int master;

	make_device(t);
	before = here(t, "links");
	master = master_of("d0");
	for (int i = 0; i < 2; i++) {
		c = it_state_config(t, "links", &dir);
		cfg_set(c, "linux.namespaces", "[{'type':'network'}]");
		cfg_set(c, "linux.netDevices", "{'d0':{'name':'eth0'}}");
		cfg_set(c, "taskshim.monitor", "false");
		if (i == 0) {
			cfg_set(c, "process.cwd", "'/none'");
			(void)it_expect_error(t, c, 125, "cwd", ENOENT, "/none");
			expect_as_before(t, before, master);
			continue;
		}
		struct run *r = it_start_config(t, NULL, c);
		pid_t pid = (pid_t)js_int(run_expect(r, "created"), "pid");

		assert_int_equal(run_wait(r), 0);
		expect_not_here(t, "d0");
		assert_int_equal(kill(pid, SIGKILL), 0);
		assert_int_equal(waitpid(pid, NULL, 0), pid);
	}
}

static int setup(void **state)
{
	if (unshare(CLONE_NEWNET) < 0) {
		perror("unshare");
		return -1;
	}
	return it_group_setup(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		IT(test_a_device_is_moved_with_its_addresses),
		IT(test_a_device_without_a_new_name_keeps_its_own),
		IT(test_a_device_that_is_down_is_brought_up),
		IT(test_addresses_that_are_not_for_ever_stay_away),
		IT(test_several_devices_and_names_with_a_number),
		IT(test_sysctls_of_a_moved_device_can_be_set),
		IT(test_isolation_none_gets_devices),
		IT(test_devices_stay_in_a_namespace_that_was_joined),
		IT(test_a_failed_move_gives_back_what_has_moved),
		IT(test_each_later_failure_gives_the_devices_back),
		IT(test_a_start_that_is_called_off_gives_them_back),
		IT(test_a_device_that_a_hook_renamed_comes_back),
		IT(test_the_hosts_own_namespace_is_refused),
		IT(test_an_unmonitored_task_has_devices),
	};

	return cmocka_run_group_tests(tests, setup, it_group_teardown);
}
