#!/usr/bin/env bash
# The pages of docs/ against the code: no step, verb, option, field, member, function or default is missing, mandoc finds
# nothing to complain of, and the examples do what the pages say.
# shellcheck disable=SC2013 # names have no spaces in them
# shellcheck source=tests/e2e/lib.sh
. "$(dirname "$0")/lib.sh"
docs=$top/docs

# Everything of a page, with mdoc's escapes undone, so that commands can be found in it as they are typed.
page()
{
	sed -e 's/\\e/\\/g' -e 's/\\&//g' -e 's/\\-/-/g' -e 's/\\(dq/"/g' "$docs/$1"
}

# has PAGE EXTENDED-REGEX WHAT
has()
{
	page "$1" | grep -Eq -- "$2" || missing+="$3 "
}

# Fails if something was found missing on PAGE.
report_missing()
{
	[ -z "$missing" ] || fail "not in $1: $missing"
}

# The names in the initialisers of the array NAME in FILE: the first string of each row.
rows()
{
	sed -n "/ $2\[\] = {/,/^};/p" "$top/$1" | grep -oE '(JSON_(ROW|LIST)\([^"]*|HOOKS\(|THROTTLE\()"[A-Za-z0-9]+"' |
		grep -oE '"[A-Za-z0-9]+"$' | tr -d '"'
}

# The word in error messages for each TS_STEP_* on standard input.
step_words()
{
	local step
	while read -r step; do
		sed -n "s/.*\[$step\] = \"\([a-z]*\)\".*/\1/p" "$top/util/error.c"
	done
}

# --- spawn-daemon(8) ---

test_steps_of_setup_are_the_table_in_its_order()
{
	local code text
	code=$(sed -n '/^} steps\[\] = {/,/^};/p' "$top/spawn/steps.c" | grep -o 'TS_STEP_[A-Z]*' | step_words | paste -sd' ')
	text=$(page spawn-daemon.8 | sed -n '/^\.\\" steps:/,/^\.El/s/^\.It Ic \([a-z]*\)$/\1/p' | paste -sd' ')
	[ "$(wc -w <<<"$code")" -gt 15 ] || fail "cannot read the table in spawn/steps.c: <$code>"
	expect 'steps in spawn-daemon.8' "$code" "$text"
}

test_every_step_word_has_a_page()
{
	local words word missing=
	words=$(grep -oE '\[TS_STEP_[A-Z]+\] = "[a-z]+"' "$top/util/error.c" | cut -d'"' -f2 | grep -v '^none$')
	[ "$(wc -w <<<"$words")" -gt 20 ] || fail 'cannot read step_names in util/error.c'
	for word in $words; do
		case $word in
		usage | wait | delete | stats) has taskshim.1 "^\.Ql $word( |\$)" "$word" ;;
		*) has spawn-daemon.8 "^\.It Ic $word\$" "$word" ;;
		esac
	done
	report_missing spawn-daemon.8
}

test_options_of_spawn_daemon()
{
	local option missing=
	for option in $(spawn-daemon --help | grep -oE -- '--[a-z-]+' | sort -u); do
		has spawn-daemon.8 "^\.It Fl -?${option#-}( |\$)" "$option"
	done
	report_missing spawn-daemon.8
}

# --- taskshim(1) ---

verbs()
{
	taskshim --help | sed -n '/^verbs:/,/^$/s/^  \([a-z]*\) .*/\1/p'
}

# Long options are "Fl -name" in mdoc, short ones "Fl n".
test_verbs_and_options_of_taskshim()
{
	local verb option missing=
	[ "$(verbs | wc -l)" -ge 11 ] || fail 'cannot read the verbs of taskshim --help'
	for verb in $(verbs); do
		has taskshim.1 "^\.Ss $verb(,|\$)" "$verb"
		for option in $(taskshim "$verb" --help | sed 's/spawn-daemon --no-gate//' | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
			has taskshim.1 "Fl $(printf %s "${option#-}")( |\$)" "$verb:$option"
		done
		for option in $(taskshim "$verb" --help | grep -oE -- '(^|[ ,])-[a-z]([, ]|$)' | tr -d ' ,' | sort -u); do
			has taskshim.1 "Fl ${option#-}( |\$)" "$verb:$option"
		done
	done
	for option in $(taskshim --help | sed -n '/^global options/,$p' | grep -oE -- '--[a-z][a-z-]+' | sort -u); do
		has taskshim.1 "Fl ${option#-}( |\$)" "$option"
	done
	report_missing taskshim.1
}

test_no_verb_on_the_page_is_missing_in_the_command()
{
	local verb
	for verb in $(page taskshim.1 | sed -n '/^\.Sh COMMANDS/,/^\.Sh ENV/s/^\.Ss \([a-z]*\).*/\1/p' | sort -u); do
		verbs | grep -qx "$verb" || fail "taskshim has no verb $verb"
	done
}

test_every_member_of_statistics()
{
	local missing='' member
	for member in $(grep -oE '(add_(number|decimal|pressure|pressure_line)|json_add[a-z0-9_]*)\(&?[a-z_]+, "[A-Za-z0-9]+"' \
		"$top/shim/cmd/stats_print.c" | cut -d'"' -f2 | sort -u); do
		page taskshim.1 | sed -n '/^\.\\" stats:/,/^\.El/p' | grep -Eq "^\.I[ct] (.* )?$member( |\$)" || missing+="$member "
	done
	[ "$(grep -c 'add_number' "$top/shim/cmd/stats_print.c")" -gt 20 ] || fail 'cannot read stats_print.c'
	report_missing taskshim.1
}

# --- taskshim-config(5) ---

test_every_taskshim_field()
{
	local field fields missing=
	fields=$(rows protocol/config_taskshim.c taskshim_fields)
	[ "$(wc -w <<<"$fields")" -ge 25 ] || fail 'cannot read taskshim_fields'
	for field in $fields; do
		page taskshim-config.5 | sed -n '/^\.\\" taskshim:/,/^\.Sh/p' | grep -Eq "^\.It Ic ([A-Za-z]+ , )*$field( |\$)" ||
			missing+="taskshim.$field "
	done
	report_missing taskshim-config.5
}

# Of what is refused as a whole only the refusal has to be there.
test_every_field_of_oci()
{
	local missing='' field table
	for table in config.c:config_fields config_process.c:process_fields config_process.c:user_fields \
		config_process.c:capability_fields config_process.c:rlimit_fields config_scheduling.c:scheduler_fields \
		config_scheduling.c:io_priority_fields config_scheduling.c:affinity_fields config_scheduling.c:personality_fields \
		config_scheduling.c:memory_policy_fields config_mounts.c:root_fields \
		config_mounts.c:mount_fields config_mounts.c:id_mapping_fields config_linux.c:linux_fields \
		config_linux.c:device_fields config_seccomp.c:seccomp_fields config_seccomp.c:syscall_fields \
		config_seccomp.c:arg_fields config_resources.c:device_rule_fields config_resources.c:memory_fields \
		config_resources.c:cpu_fields config_resources.c:block_io_fields config_resources.c:resources_fields \
		config_hooks.c:hooks_fields config_hooks.c:hook_fields; do
		[ -n "$(rows "protocol/${table%:*}" "${table#*:}")" ] || fail "cannot read $table"
		for field in $(rows "protocol/${table%:*}" "${table#*:}"); do
			has taskshim-config.5 "^\.I[ct].*[ .]$field( |[.[]|\$)" "${table%.c*}:$field"
		done
	done
	report_missing taskshim-config.5
}

test_default_mounts_and_paths()
{
	local missing='' path
	for path in $(grep -oE '"/(proc|dev|sys)[a-z_/-]*"' "$top/protocol/defaults.c" | tr -d '"'); do
		has taskshim-config.5 "Pa $path( |\$)" "$path"
	done
	report_missing taskshim-config.5
}

test_mount_words()
{
	local missing='' word
	# A word with r before it is covered by "each of them with an r before it" if the word itself is there.
	for word in $(sed -n '/ words\[\] = {/,/^};/s/^\t{"\([a-z]*\)", .*/\1/p' "$top/protocol/mount_options.c"); do
		page taskshim-config.5 | grep -Eq "^\.Ql ($word|${word#r})( |\$)" || missing+="$word "
	done
	report_missing taskshim-config.5
}

test_configs_on_the_page_are_valid()
{
	page taskshim-config.5 | sed -n '/^\.Sh EXAMPLES/,$p' | awk -v dir="$scratch" '
		/^\.Bd/ { n++; open = 1; next } /^\.Ed/ { open = 0 } open { print >(dir "/config" n) }'
	taskshim validate "$scratch/config1"
	taskshim validate "$scratch/config2"
}

# --- taskshim-protocol(7), protocol.md ---

test_every_member_of_messages_and_records()
{
	local missing='' source member
	for source in message exit_record id_string state form2015; do
		for member in $(grep -oE 'json_add[a-z0-9_]*\(&?[a-z]+, "[A-Za-z0-9]+"|add_time\(&w, "[A-Za-z]+"' \
			"$top/protocol/$source.c" | cut -d'"' -f2 | sort -u); do
			has taskshim-protocol.7 "(^\.I[ct].* |[\"{])$member( |\"|\$)" "$member"
			grep -Eq "\b$member\b" "$docs/protocol.md" || missing+="protocol.md:$member "
		done
	done
	report_missing taskshim-protocol.7
}

test_limits_of_the_wire()
{
	local missing='' number
	for number in "$(sed -n 's/.*MESSAGE_MAX = \([0-9]*\).*/\1/p' "$top/protocol/message.h")" \
		"$(sed -n 's/.*ID_STRING_MAX = \([0-9]*\).*/\1/p' "$top/protocol/id_string.h")" \
		"$(sed -n 's/.*STREAM_DEPTH_MAX = \([0-9]*\).*/\1/p' "$top/protocol/stream.h") levels" '4 MiB'; do
		has taskshim-protocol.7 "(^|[ (])$number" "$number"
	done
	report_missing taskshim-protocol.7
}

# --- libtaskshim(3) ---

test_every_function_and_flag_of_the_library()
{
	local missing='' name
	for name in $(sed -n '/^TASKSHIM_API/s/.*\(taskshim_[a-z_]*\)(.*/\1/p' "$top/shim/taskshim.h"); do
		has libtaskshim.3 "^\.F[no] $name( |\$)" "$name"
	done
	for name in $(sed -n '/^enum taskshim_flags/,/^};/p' "$top/shim/taskshim.h" | grep -oE 'TASKSHIM_[A-Z_]+'); do
		has libtaskshim.3 "Dv $name( |\$)" "$name"
	done
	for name in $(sed -n '/^struct taskshim_options {/,/^};/p' "$top/shim/taskshim.h" | sed 's|/\*.*||' |
		sed -n 's/^.*[ *(]\([a-z_]*\)\(\[3\]\|)(.*)\)\{0,1\};.*/\1/p'); do
		has libtaskshim.3 "^\.It Va ([a-z_]+ , )*$name( |\$)" "$name"
	done
	for name in $(sed -n '/^struct taskshim_memory_stats {/,/^TASKSHIM_API/p' "$top/shim/taskshim.h" | sed 's|/\*.*||' |
		grep -oE '^	.*;' | grep -oE '[a-z_0-9]+(\[[0-9]+\])?[,;]' | grep -oE '^[a-z_0-9]+'); do
		page libtaskshim.3 | sed -n '/^\.Ss Statistics/,/^\.Sh/p' | grep -Eq "^\.(Va|It Va) (.* )?$name( |\$)" || missing+="$name "
	done
	report_missing libtaskshim.3
}

test_example_of_libtaskshim_3()
{
	local flags=()
	command -v cc >/dev/null || skip 'no C compiler'
	[ "$build" = "$top/build" ] || flags=('-fsanitize=address,undefined')
	page libtaskshim.3 | sed -n '/^\.\\" example:/,/^\.Ed/{/^\./d;p}' >"$scratch/example.c"
	cc -Wall -Wextra -Werror "${flags[@]}" -I"$top/shim" -o "$scratch/example" "$scratch/example.c" "$build/libtaskshim.a" \
		-ljson-c -lcap
	TASKSHIM_SPAWN_DAEMON=$SPAWN_DAEMON status "$scratch/example"
	expect "status: $errors" 3 "$status"
	expect output hello "$output"
}

# --- examples of the commands ---

# example PAGE COMMAND: the page has the line; runs it with a state root of the test's own.
example()
{
	page "$1" | grep -Fqx -- "$2" || fail "no such line in $1: $2"
	(
		# shellcheck disable=SC2317 # by eval
		taskshim() { command taskshim --root "$scratch/root" "$@"; }
		cd "$scratch" && eval "$2"
	) 2>&1 </dev/null
}

test_examples_of_taskshim_1()
{
	local output
	output=$(example taskshim.1 "taskshim run -- sh -c 'id; ls /'")
	expect_in output uid=65534 "$output"
	output=$(example taskshim.1 'taskshim run --memory 64m --pids-limit 20 --mount /srv:/srv:ro -- ls /srv')
	expect output "$(ls /srv)" "$output"
	expect_in 'ID string' 'CGROUP:{' "$(example taskshim.1 'taskshim run -d --id hello -- echo hello')"
	expect_in record '"exitCode": 0' "$(example taskshim.1 'taskshim wait hello')"
	expect output '' "$(example taskshim.1 'taskshim delete hello')"
	expect_in steps 'pivot_root' "$(example taskshim.1 'taskshim spec | taskshim explain -')"
}

test_examples_with_a_bundle_of_taskshim_1()
{
	printf '#include <unistd.h>\nint main(void) { for (;;) pause(); }\n' >"$scratch/pause.c"
	cc -static -o "$scratch/pause" "$scratch/pause.c" || skip 'no C compiler for static programs'
	example taskshim.1 'mkdir -p bundle/rootfs'
	mkdir "$scratch/bundle/rootfs/bin"
	cp "$scratch/pause" "$scratch/bundle/rootfs/bin/sh"
	example taskshim.1 'taskshim spec -b bundle'
	example taskshim.1 "sed -i '/\"terminal\"/s/true/false/' bundle/config.json"
	# create: the task keeps the descriptors that it is given, and a command substitution would wait for their end
	example taskshim.1 'taskshim create -b bundle web' >"$scratch/create"
	example taskshim.1 'taskshim start web' >"$scratch/start"
	expect_in state '"status": "running"' "$(taskshim --root "$scratch/root" state web)"
	taskshim --root "$scratch/root" stop --time 100ms web
	expect output '' "$(example taskshim.1 'taskshim stop web')"
	expect output '' "$(example taskshim.1 'taskshim delete web')"
}

test_examples_of_spawn_daemon_8()
{
	local output status=0
	output=$(example spawn-daemon.8 \
		"echo '{\"process\":{\"args\":[\"id\"]},\"taskshim\":{\"chroot\":\"host\",\"stdout\":\"fd:3\"}}' | spawn-daemon --no-gate 3>&1")
	expect_in output uid=65534 "$output"
	expect_in output '"exitCode":0' "$output"
	expect_in output '"exitCode":0' "$(example spawn-daemon.8 'taskshim spec | spawn-daemon --no-gate')"
	output=$(example spawn-daemon.8 \
		"echo '{\"process\":{\"args\":[\"id\"]},\"taskshim\":{\"chroot\":\"host\"}} false' | spawn-daemon")
	expect_in output '{"type":"aborted","reason":"gate-false"}' "$output"
	output=$(example spawn-daemon.8 \
		"echo true | spawn-daemon '\"{\\\"Path\\\":\\\"/bin/sh\\\",\\\"Args\\\":[\\\"sh\\\",\\\"-c\\\",\\\"exit 3\\\"]}\"'") || status=$?
	expect status 3 "$status"
	expect_in output '{"Success":false}' "$output"
}

test_examples_of_taskshim_config_5()
{
	expect output '' "$(example taskshim-config.5 \
		"echo '{\"process\":{\"args\":[\"id\"]},\"taskshim\":{\"chroot\":\"host\"}}' | taskshim validate -")"
}

test_examples_of_taskshim_protocol_7()
{
	local output
	output=$(example taskshim-protocol.7 \
		"echo '{\"process\":{\"args\":[\"echo\",\"hello\"]},\"taskshim\":{\"chroot\":\"host\",\"stdout\":\"fd:3\"}} true' | spawn-daemon 3>&2")
	expect_in output $'\nhello\n' $'\n'"$output" # it may come before the first message
	expect_in output '"type":"exited"' "$output"
}

# --- attacks.md ---

# has_test PROGRAM:TEST: whether there is such a test, and it is run
has_test()
{
	local test=${1#*:}
	case $1 in
	*.sh:*) grep -qx "$test()" "$top"/tests/{e2e,vm}/"${1%%:*}" 2>/dev/null ;;
	*.py:*) grep -q "^def $test(root" "$top/tests/e2e/${1%%:*}" ;;
	*) grep -Eqs "(IT|cmocka_unit_test[a-z_]*)\(${test}[,)]" "$top"/tests/{unit,integration}/"${1%%:*}.c" ;;
	esac
}

# names_real_tests PAGE N: the page names more than N tests, each of which there is.
names_real_tests()
{
	local missing='' name names
	names=$(grep -oE '`test_[a-z0-9_.]+:test_[a-z0-9_]+`' "$docs/$1" | tr -d '`' | sort -u)
	[ "$(wc -w <<<"$names")" -gt "$2" ] || fail "cannot read docs/$1"
	for name in $names; do
		has_test "$name" || missing+="$name "
	done
	[ -z "$missing" ] || fail "in $1, and not in the tests: $missing"
}

test_attacks_md_names_tests_that_there_are()
{
	names_real_tests attacks.md 100
	[ "$(grep -cE '^\| F[0-9]+ \|.*`test_' "$docs/attacks.md")" = 28 ] || fail 'a failure class has no test'
	! grep -E '^\| (CVE|Nomad)' "$docs/attacks.md" | grep -v '`test_' || fail 'a hole has no test'
}

test_oci_md_names_tests_that_there_are()
{
	names_real_tests oci.md 30
	! sed -n '/^## Clause/,$p' "$docs/oci.md" | grep -E '^\| [^C-]' | grep -v '`test_' || fail 'a clause has no test'
}

test_defences_have_tests_that_there_are()
{
	local missing='' name names
	names=$(grep -oE '"test_[a-z0-9_.]+:test_[a-z0-9_]+"' "$top/tests/defences/table.py" | tr -d '"' | sort -u)
	[ "$(wc -w <<<"$names")" -gt 50 ] || fail 'cannot read tests/defences/table.py'
	for name in $names; do
		has_test "$name" || missing+="$name "
	done
	[ -z "$missing" ] || fail "in tests/defences/table.py, and not in the tests: $missing"
}

# --- form ---

test_mandoc_finds_nothing()
{
	command -v mandoc >/dev/null || skip 'mandoc is not installed (make deps-lint)'
	(cd "$docs" && mandoc -Tlint -Wwarning ./*.[13578])
}

run_tests
