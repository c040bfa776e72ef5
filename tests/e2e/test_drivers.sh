#!/usr/bin/env bash
# The drivers of docs/examples, and what an installed tree gives a program that is compiled against it.
. "$(dirname "$0")/lib.sh"
examples=$top/docs/examples

# make_install DESTDIR PREFIX [TARGET]: from the build that is under test
make_install()
{
	local san=
	[ "$build" = "$top/build" ] || san=SAN=1
	env -u MAKEFLAGS -u MAKELEVEL make -s -C "$top" ${san:+"$san"} "${3:-install}" DESTDIR="$1" PREFIX="$2" >/dev/null
}

test_python_driver_runs_a_command()
{
	status "$examples/driver.py" --spawn-daemon "$SPAWN_DAEMON" --journal "$scratch/journal" -- /bin/sh -c 'echo hello; exit 3'
	expect status 3 "$status"
	expect "the task's output" hello "$errors"
	expect types 'created started exited' "$(grep -o '"type": "[a-z]*"' <<<"$output" | cut -d'"' -f4 | paste -sd' ')"
	expect 'lines of the journal' 2 "$(wc -l <"$scratch/journal")"
	expect_in journal '"event": "created", "id": "PID:' "$(head -n 1 "$scratch/journal")"
}

test_python_driver_reports_an_error()
{
	status "$examples/driver.py" --spawn-daemon "$SPAWN_DAEMON" -- /nonexistent
	expect status 127 "$status"
	expect_in message 'driver: command: ' "$errors"
	expect_in error '"code": "ENOENT"' "$output"
}

test_python_driver_runs_configs()
{
	taskshim spec >"$scratch/config.json"
	status "$examples/driver.py" --spawn-daemon "$SPAWN_DAEMON" "$scratch/config.json" "$scratch/config.json"
	expect "status: $errors" 0 "$status"
	expect 'exited lines' 2 "$(grep -c '"type": "exited"' <<<"$output")"
}

test_shell_driver()
{
	status "$examples/driver.sh" /bin/sh -c 'printf "%s %s\n" "a \"quoted\" word" "$0"; exit 4' 'b\c'
	expect status 4 "$status"
	expect "the task's output" 'a "quoted" word b\c' "$errors"
}

test_installed_files()
{
	make_install "$scratch/dest" /opt/ts
	for file in bin/taskshim bin/spawn-daemon lib/libtaskshim.a lib/libtaskshim.so include/taskshim.h \
		lib/pkgconfig/taskshim.pc; do
		[ -s "$scratch/dest/opt/ts/$file" ] || fail "$file is missing"
	done
	expect soname libtaskshim.so.0 "$(objdump -p "$scratch/dest/opt/ts/lib/libtaskshim.so" | awk '/SONAME/ { print $2 }')"
	for page in "$top"/docs/*.[13578]; do
		[ -f "$page" ] || continue
		[ -s "$scratch/dest/opt/ts/share/man/man${page##*.}/${page##*/}" ] || fail "$page is not installed"
	done
	"$scratch/dest/opt/ts/bin/taskshim" run -- /bin/true
	make_install "$scratch/dest" /opt/ts uninstall
	expect 'left after uninstall' '' "$(find "$scratch/dest" ! -type d)"
}

# What the package holds, runs; and it names the libraries that its own needs.
test_deb()
{
	local deb
	[ "$build" = "$top/build" ] || skip 'the package is made of the plain build'
	(cd "$top" && env -u MAKEFLAGS -u MAKELEVEL make -s deb) >"$scratch/make" 2>&1 || fail "$(<"$scratch/make")"
	deb=$(echo "$build"/taskshim_*_"$(dpkg --print-architecture)".deb)
	expect name taskshim "$(dpkg-deb -f "$deb" Package)"
	expect_in version "$(dpkg-deb -f "$deb" Version)" "$(taskshim --version)"
	for library in libc6 libcap2 libjson-c5; do
		expect_in depends "$library (>=" "$(dpkg-deb -f "$deb" Depends)"
	done
	dpkg-deb -x "$deb" "$scratch/x"
	expect 'who owns it' 'root/root' "$(dpkg-deb -c "$deb" | awk '{ print $2 }' | sort -u)"
	status "$scratch/x/usr/bin/taskshim" run -- /bin/sh -c 'echo hello; exit 4'
	expect "status: $errors" '4 hello' "$status $output"
	gzip -t "$scratch"/x/usr/share/man/man*/*.gz
	rm -rf "$scratch/x"
}

# Compiles the C driver against an installed tree with pkg-config, $1 = flags of pkg-config and cc.
compile_driver()
{
	local prefix=$scratch/prefix san=
	[ "$build" = "$top/build" ] || san='-fsanitize=address,undefined'
	make_install '' "$prefix"
	# shellcheck disable=SC2046,SC2086 # words on purpose
	PKG_CONFIG_PATH=$prefix/lib/pkgconfig cc -Wall -Werror $san -o "$scratch/driver" "$examples/driver.c" $1 \
		$(PKG_CONFIG_PATH=$prefix/lib/pkgconfig pkg-config $2 --cflags --libs taskshim) -Wl,-rpath,"$prefix/lib"
}

run_driver()
{
	SPAWN_DAEMON=$scratch/prefix/bin/spawn-daemon status "$scratch/driver" "$1" /bin/sh -c 'echo "from the task"; exit 5'
	expect "status: $errors" 5 "$status"
	expect output 'from the task' "$output"
	expect_in errors 'driver: created CGROUP:' "$errors"
	expect_in errors 'driver: ended with 5' "$errors"
	[ ! -e "/run/taskshim/$1" ] || fail "its state directory is left"
}

test_c_driver_with_the_shared_library()
{
	compile_driver '' ''
	run_driver "e2e-c-$$"
}

test_c_driver_with_the_static_library()
{
	[ "$build" = "$top/build" ] || skip "the sanitizers have no static form"
	compile_driver -static --static
	run_driver "e2e-cs-$$"
}

test_demo()
{
	status "$examples/demo.sh" "$build"
	expect "status: $errors" 0 "$status"
	for part in uid=65534 hello 'CGROUP:{' '"exitCode": 0'; do
		expect_in demo "$part" "$output"
	done
}

run_tests
