/* protect_is_needed(): for which tasks spawn-daemon is executed from a file that cannot be written to. */
#include "tests/unit/unit.h"

#include "protocol/config.h"
#include "spawn/protect.h"

#define SAFE "'noNewPrivileges':true"

static const struct {
	const char *process, *rest; /* members of process; of the document */
	bool needed;
} rows[] = {
	{SAFE, "", false}, /* nobody */
	{SAFE ",'user':{'uid':1000,'gid':0}", "", false},
	{SAFE ",'user':{'uid':0,'gid':1000}", "", true},
	{SAFE ",'user':{}", "", true},
	{SAFE ",'capabilities':{'bounding':['CAP_SETUID']}", "", false},
	{SAFE ",'capabilities':{'permitted':['CAP_DAC_OVERRIDE']}", "", true},
	{SAFE ",'capabilities':{'inheritable':['CAP_SETUID']}", "", true},
	{SAFE ",'capabilities':{'ambient':['CAP_SETUID']}", "", true},
	{"'noNewPrivileges':false", "", true}, /* a set-user-ID program */
	{"'user':{'uid':1000,'gid':1000}", "", true},
	{SAFE, "'taskshim':{'user':'1000'},", false},
	{SAFE, "'taskshim':{'user':'1000:0'},", false},
	{SAFE, "'taskshim':{'user':'0'},", true},
	{SAFE, "'taskshim':{'user':'00:1000'},", true},
	{SAFE, "'taskshim':{'user':'alice'},", true}, /* who knows */
	{SAFE ",'user':{'uid':0,'gid':0}", "'taskshim':{'user':'1000'},", false},
	/* the host's files are in reach anyway */
	{"'user':{'uid':0,'gid':0}", "'taskshim':{'isolation':'none'},", false},
	{"'user':{'uid':0,'gid':0}",
	 "'linux':{'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':100000,"
	 "'size':1000},{'containerID':1000,'hostID':1000,'size':1}],"
	 "'gidMappings':[{'size':1}]},",
	 false},
	{"'user':{'uid':0,'gid':0}",
	 "'linux':{'namespaces':[{'type':'user'}],'uidMappings':[{'containerID':0,'hostID':1000,"
	 "'size':1},{'containerID':1,'hostID':0,'size':10}],'gidMappings':[{'size':1}]},",
	 true},
	{"'user':{'uid':0,'gid':0}",
	 "'linux':{'namespaces':[{'type':'user','path':'/proc/1/ns/user'}]},", true},
};

static struct config *decode(size_t i)
{
	struct json_object *document;
	struct config *config = NULL;
	struct ts_error e = {0};
	char *text;

	assert_true(asprintf(&text,
			     "{%s'ociVersion':'1.2.0',%s'process':{'cwd':'/','args':['x'],%s}}",
			     strstr(rows[i].rest, "'none'") ? "" : "'root':{'path':'r'},",
			     rows[i].rest, rows[i].process) > 0);
	document = parse_quoted(text);
	if (config_decode(document, &config, &e) < 0)
		fail_msg("%s: %s", text, e.msg);
	json_object_put(document);
	free(text);
	return config;
}

static void test_protect_is_needed_for_who_may_be_root(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct config *config = decode(i);

		if (protect_is_needed(config, 0) != rows[i].needed)
			fail_msg("row %zu: %s %s", i, rows[i].process, rows[i].rest);
		assert_false(protect_is_needed(config, 1000)); /* nor can the task be root then */
		config_free(config);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_protect_is_needed_for_who_may_be_root),
	};

	return cmocka_run_group_tests_name("protect", tests, NULL, NULL);
}
