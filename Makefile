# taskshim: one non-recursive Makefile. `make help` lists the targets.
# SAN=1 builds with ASan and UBSan (dynamically linked, glibc) into build/asan.
# MUSL=0 links the programs with glibc.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CFLAGS ?= -O2 -g
FUZZ_SECONDS ?= 60
VERSION := 0.1.0

BINDIR = $(PREFIX)/bin
LIBDIR = $(PREFIX)/lib
INCDIR = $(PREFIX)/include
MANDIR = $(PREFIX)/share/man
SHAREDIR = $(PREFIX)/share
ZSHDIR = $(SHAREDIR)/zsh/$(if $(filter /usr,$(PREFIX)),vendor-completions,site-functions)# as Debian's zsh looks

# --- packages (Debian 12), installed by `make deps`, and by run, check, lint, fuzz and bench themselves ---
PKGS := build-essential procps pkg-config musl-tools libjson-c-dev libcap-dev libseccomp-dev libcmocka-dev strace uidmap python3 zsh fish busybox-static conmon
PKGS_LINT := clang-format clang-tidy cppcheck shellcheck mandoc
PKGS_FUZZ := clang libclang-rt-14-dev
PKGS_BENCH := bubblewrap crun runc
PKGS_VM := qemu-system-x86 # and the kernel's package, which tests/vm/kernel takes apart
PKGS_OCI := podman conmon containerd runc busybox-static
AUTO_DEPS := $(if $(filter check-podman check-containerd check-oci-vm,$(MAKECMDGOALS)),deps deps-oci) \
	$(if $(filter run check check-asan check-faults check-defences check-vm bench,$(MAKECMDGOALS)),deps) \
	$(if $(filter check-vm check-oci-vm,$(MAKECMDGOALS)),deps-vm) \
	$(if $(filter lint,$(MAKECMDGOALS)),deps deps-lint) $(if $(filter fuzz,$(MAKECMDGOALS)),deps deps-fuzz)

# --- flags ---
WARN := -Wall -Wextra -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings
TS_CPPFLAGS = -D_GNU_SOURCE -DTASKSHIM_VERSION='"$(VERSION)"' -I. -I$(BUILD)
TS_CFLAGS = -std=gnu11 $(TS_CPPFLAGS) $(WARN) -fvisibility=hidden -fno-strict-aliasing -fstack-protector-strong \
	-MMD -MP $(SAN_FLAGS)
LIBS := -ljson-c -lcap
LIBS_PROG := $(LIBS) -lseccomp

# The two programs are static, and linked with musl where there is a musl-gcc: glibc runs about 75 cpuid instructions
# before main(), and in a virtual machine each one traps. Measured on KVM, spawn to exit of a static `return 0`: glibc
# 530 us, musl 60 us, no libc at all 57 us. noseparate-code saves 4 us more (fewer segments to map); gc-sections, strip,
# norelro and the build id made no difference that could be measured. Debian's libjson-c.a and libcap.a are used as they
# are; util/musl/ has what they and our code miss in musl. Looked up when used, as `make deps` may have just installed it.
ifdef SAN
BUILD := build/asan
# The checks that UBSan puts in make gcc see null pointers that cannot be: -Wformat-overflow would fail the build.
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer -DTASKSHIM_SANITIZED \
	-Wno-format-overflow
MUSL := 0
else
BUILD := build
STATIC := -static -Wl,-z,noseparate-code
endif
MUSL_GCC = $(if $(filter 0,$(MUSL)),,$(shell command -v musl-gcc))
MULTIARCH = $(shell $(CC) -print-multiarch)
PROG_CC = $(or $(MUSL_GCC),$(CC))
PROG_CFLAGS = $(if $(MUSL_GCC),-Iutil/musl -idirafter /usr/include -idirafter /usr/include/$(MULTIARCH)) -fno-pie
PROG_LIBS = $(if $(MUSL_GCC),$(LIBS_PROG:-l%=/usr/lib/$(MULTIARCH)/lib%.a),$(LIBS_PROG))

# V=1 shows the commands.
say = $(if $(V),,@printf '  %-3s %s\n' $(1) $(2); )

# --- files ---
HEAP := util/heap.c
UTIL := $(filter-out $(HEAP),$(wildcard util/*.c))
MUSL_C := $(wildcard util/musl/*.c)
PROTOCOL := $(wildcard protocol/*.c)
SPAWN := $(filter-out spawn/main.c,$(wildcard spawn/*.c))
SHIM := $(wildcard shim/*.c)
CMD := $(filter-out shim/cmd/main.c,$(wildcard shim/cmd/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
UNIT_SUPPORT := $(filter-out $(wildcard tests/unit/test_*.c),$(wildcard tests/unit/*.c))
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,$(BUILD)/tests/integration/%,$(wildcard tests/integration/test_*.c))
INTEGRATION_SUPPORT := $(filter-out tests/integration/probe.c $(wildcard tests/integration/test_*.c),\
	$(wildcard tests/integration/*.c))
PROBE := $(patsubst %.c,$(BUILD)/%,$(wildcard tests/integration/probe.c))
INJECT := $(BUILD)/tests/faults/inject
FIELDS := $(BUILD)/tests/e2e/fields
E2E_TESTS := $(wildcard tests/e2e/test_*.sh tests/e2e/test_*.py)
FUZZERS := $(patsubst tests/fuzz/%.c,build/fuzz/%,$(wildcard tests/fuzz/fuzz_*.c))
BENCH := $(patsubst tests/bench/%.c,build/tests/bench/%,$(wildcard tests/bench/*.c))
C_FILES = $(shell git ls-files --cached --others --exclude-standard -- '*.c')
H_FILES = $(shell git ls-files --cached --others --exclude-standard -- '*.h')
SCRIPTS := tools/deb tests/run tests/fuzz/run tests/deps tests/lint .ci/run $(wildcard tests/e2e/*.sh tests/vm/* docs/examples/*.sh tests/bench/*.sh shim/completion/*.bash)

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
pic = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))
prog = $(patsubst %.c,$(BUILD)/prog/%.o,$(1))

all: $(BUILD)/taskshim $(BUILD)/spawn-daemon $(BUILD)/libtaskshim.a $(BUILD)/libtaskshim.so

$(BUILD)/obj/%.o: %.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) $(TS_CFLAGS) -fno-pie -c -o $@ $<

$(BUILD)/pic/%.o: %.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) $(CFLAGS) $(TS_CFLAGS) -fPIC -c -o $@ $<

$(BUILD)/prog/%.o: %.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(PROG_CC) $(CFLAGS) $(TS_CFLAGS) $(PROG_CFLAGS) -c -o $@ $<

# The default seccomp profile, compiled for this machine. It runs here, so it is linked with the machine's own libc.
$(BUILD)/gen/seccomp_default.h: tools/seccomp_default.c tools/seccomp_profile.h Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,GEN,$@)$(CC) -O1 -std=gnu11 $(TS_CPPFLAGS) $(WARN) -o $(@D)/seccomp_default $< -lseccomp && \
		$(@D)/seccomp_default >$@

$(call obj,spawn/seccomp_default.c) $(call prog,spawn/seccomp_default.c): $(BUILD)/gen/seccomp_default.h

$(BUILD)/prog/musl.a: $(call prog,$(MUSL_C))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(if $(MUSL_GCC),$^)

$(BUILD)/spawn-daemon: $(call prog,spawn/main.c $(SPAWN) $(PROTOCOL) $(UTIL) $(HEAP)) $(BUILD)/prog/musl.a
	$(call say,LD,$@)$(PROG_CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(STATIC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(PROG_LIBS) $(filter %.a,$^)

$(BUILD)/taskshim: $(call prog,shim/cmd/main.c $(CMD) $(SHIM) $(PROTOCOL) $(UTIL) $(HEAP)) $(BUILD)/prog/musl.a
	$(call say,LD,$@)$(PROG_CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(STATIC) $(LDFLAGS) -o $@ $(filter %.o,$^) $(PROG_LIBS) $(filter %.a,$^)

# Of the public library only taskshim_*() is visible, in the archive too.
$(BUILD)/libtaskshim.a: $(call pic,$(SHIM) $(PROTOCOL) $(UTIL))
	$(call say,LD,$@)$(LD) -r -o $(BUILD)/libtaskshim.o $^ && objcopy --localize-hidden $(BUILD)/libtaskshim.o
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $(BUILD)/libtaskshim.o

$(BUILD)/libtaskshim.so.0: $(call pic,$(SHIM) $(PROTOCOL) $(UTIL))
	$(call say,LD,$@)$(CC) $(CFLAGS) $(SAN_FLAGS) -shared -Wl,-soname,$(@F) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libtaskshim.so: $(BUILD)/libtaskshim.so.0
	@ln -sf $(<F) $@

# --- make run ---
run: all
	docs/examples/demo.sh $(BUILD)

# --- tests ---
$(BUILD)/spawn.a: $(call obj,$(SPAWN) $(PROTOCOL) $(UTIL))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/shim.a: $(call obj,$(SHIM) $(PROTOCOL) $(UTIL))
	$(call say,AR,$@)rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(call obj,$(UNIT_SUPPORT)) $(BUILD)/spawn.a $(BUILD)/shim.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_PROG)

# Only this one replaces malloc.
$(BUILD)/tests/unit/test_heap: $(call obj,$(HEAP))

$(BUILD)/tests/integration/%: $(BUILD)/obj/tests/integration/%.o $(call obj,$(INTEGRATION_SUPPORT)) $(BUILD)/shim.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS_PROG)

# It runs inside of tasks, so it is static and never sanitized.
$(BUILD)/tests/integration/probe: tests/integration/probe.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -O1 -std=gnu11 $(TS_CPPFLAGS) $(WARN) -static -o $@ $<

# It traces the programs, so it is never sanitized either.
$(INJECT): tests/faults/inject.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(CC) -O2 -g -std=gnu11 $(TS_CPPFLAGS) $(WARN) -o $@ $< -lseccomp

# For test_fields.py.
$(FIELDS): $(call obj,tests/e2e/fields.c) $(BUILD)/shim.a
	@mkdir -p $(@D)
	$(call say,LD,$@)$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(LDFLAGS) -o $@ $^ $(LIBS)

TESTS := $(UNIT_TESTS) $(INTEGRATION_TESTS) $(E2E_TESTS)
tests: all $(UNIT_TESTS) $(INTEGRATION_TESTS) $(PROBE) $(INJECT) $(FIELDS)
check: tests
	@tests/run $(BUILD) $(TESTS)

check-asan:
	$(MAKE) SAN=1 check

check-faults: all $(PROBE) $(INJECT)
	tests/faults/run $(BUILD)

# podman on taskshim, and on runc beside it.
check-podman: all deps-oci
	tests/oci/check-podman $(BUILD)

check-containerd: all deps-oci
	tests/oci/check-containerd $(BUILD)

# The same with cgroup v2 alone, each in a machine of its own: half an hour and more.
check-oci-vm: all deps-oci deps-vm
	VM_TIMEOUT=7200 TEST_TIMEOUT=7000 V=1 tests/vm/run $(BUILD) tests/oci/check-podman -- tests/oci/check-containerd

# Takes each defence of docs/attacks.md out of a copy, and looks whether its tests fail.
check-defences: tests
	tests/defences/run

# Two machines of about the same length. They have what has to do with cgroups, or with a kernel that has all of its features; what
# races, sweeps or waits for long is the plain machine's, as is what knows of none of these.
VM_SKIP := $(addprefix %/,test_faults test_attacks test_races test_bad_input test_copy test_form2015 test_hooks test_library test_root \
	test_completion.sh test_docs.sh test_drivers.sh test_faults.sh test_hooks.sh test_leaks.sh test_messages.sh test_readme.sh \
	test_rootless.sh test_spec.sh test_attacks.py test_descriptors.py test_driver_recovery.py test_form2015.py test_gc.py test_logs.py \
	test_notify.py test_pid_reuse.py test_progress.py test_races.py test_seccomp.py test_shell.py test_terminal.py \
	test_terminal_exec.py test_terminal_run.py)
VM_FIRST := $(UNIT_TESTS) tests/vm/test_clock.sh $(filter %.py,$(E2E_TESTS))
VM_SECOND := $(filter-out %/test_clock.sh,$(wildcard tests/vm/test_*.sh)) $(INTEGRATION_TESTS) $(filter %.sh,$(E2E_TESTS))
VM_TESTS := $(filter-out $(VM_SKIP),$(VM_FIRST)) -- $(filter-out $(VM_SKIP),$(VM_SECOND))
check-vm: tests deps-vm
	@tests/vm/run $(BUILD) $(VM_TESTS)

# --- lint, fuzz, bench ---
lint: $(BUILD)/gen/seccomp_default.h | $(AUTO_DEPS)
	@clang-format --dry-run -Werror $(C_FILES) $(H_FILES)
	@tests/lint $(filter-out util/musl/%,$(C_FILES))
	bash -n $(SCRIPTS)
	shellcheck -x $(SCRIPTS)
	$(if $(MAN),mandoc -Tlint -W warning $(MAN))

FUZZ_SPAWN := spawn/seccomp_filter.c spawn/seccomp_run_util.c # of spawn/, what is fuzzed
build/fuzz/%: tests/fuzz/%.c $(PROTOCOL) $(UTIL) $(FUZZ_SPAWN) Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)clang -g -O1 -std=gnu11 $(TS_CPPFLAGS) -fsanitize=fuzzer,address,undefined -o $@ $(filter %.c,$^) $(LIBS_PROG)

fuzz: $(FUZZERS)
	tests/fuzz/run $(FUZZ_SECONDS) $(FUZZERS)

# Linked as the programs are, or the comparison with the floor would compare C libraries.
build/tests/bench/%: tests/bench/%.c Makefile | $(AUTO_DEPS)
	@mkdir -p $(@D)
	$(call say,CC,$@)$(PROG_CC) -O2 -std=gnu11 $(TS_CPPFLAGS) $(WARN) $(PROG_CFLAGS) -no-pie -static -o $@ $<

bench: all $(BENCH)
	tests/bench/run.py $(BUILD) build/tests/bench

# --- packages, installation ---
deps:
	@tests/deps $(PKGS)
deps-lint:
	@tests/deps $(PKGS_LINT)
deps-fuzz:
	@tests/deps $(PKGS_FUZZ)
deps-bench:
	@tests/deps $(PKGS_BENCH)
deps-oci:
	@tests/deps $(PKGS_OCI)
deps-vm:
	@tests/deps $(PKGS_VM)
	@tests/vm/kernel build/vm/kernel

MAN := $(wildcard docs/*.[13578])
install: all
	install -d $(DESTDIR)$(BINDIR) $(DESTDIR)$(LIBDIR)/pkgconfig $(DESTDIR)$(INCDIR)
	install -m 0755 $(BUILD)/taskshim $(BUILD)/spawn-daemon $(DESTDIR)$(BINDIR)
	install -m 0644 $(BUILD)/libtaskshim.a $(DESTDIR)$(LIBDIR)
	install -m 0755 $(BUILD)/libtaskshim.so.0 $(DESTDIR)$(LIBDIR)
	ln -sf libtaskshim.so.0 $(DESTDIR)$(LIBDIR)/libtaskshim.so
	install -m 0644 shim/taskshim.h $(DESTDIR)$(INCDIR)
	sed -e 's|@PREFIX@|$(PREFIX)|' -e 's|@VERSION@|$(VERSION)|' shim/taskshim.pc.in >$(DESTDIR)$(LIBDIR)/pkgconfig/taskshim.pc
	for page in $(MAN); do install -D -m 0644 $$page $(DESTDIR)$(MANDIR)/man$${page##*.}/$${page##*/} || exit; done
	install -D -m 0644 shim/completion/taskshim.bash $(DESTDIR)$(SHAREDIR)/bash-completion/completions/taskshim
	install -D -m 0644 shim/completion/_taskshim $(DESTDIR)$(ZSHDIR)/_taskshim
	install -D -m 0644 shim/completion/taskshim.fish $(DESTDIR)$(SHAREDIR)/fish/vendor_completions.d/taskshim.fish

uninstall:
	rm -f $(addprefix $(DESTDIR)$(SHAREDIR)/,bash-completion/completions/taskshim fish/vendor_completions.d/taskshim.fish) \
		$(DESTDIR)$(ZSHDIR)/_taskshim
	rm -f $(addprefix $(DESTDIR)$(BINDIR)/,taskshim spawn-daemon) $(DESTDIR)$(INCDIR)/taskshim.h
	rm -f $(addprefix $(DESTDIR)$(LIBDIR)/,libtaskshim.a libtaskshim.so libtaskshim.so.0 pkgconfig/taskshim.pc)
	rm -f $(foreach page,$(MAN),$(DESTDIR)$(MANDIR)/man$(subst .,,$(suffix $(page)))/$(notdir $(page)))

DEB = $(BUILD)/taskshim_$(VERSION)_$(shell dpkg --print-architecture).deb
deb: all
	rm -rf $(BUILD)/deb
	$(MAKE) -s install DESTDIR=$(BUILD)/deb/root PREFIX=/usr
	find $(BUILD)/deb/root/usr/share/man -type f -exec gzip -9n {} +
	strip -g $(BUILD)/deb/root/usr/lib/libtaskshim.a
	strip --strip-unneeded $(BUILD)/deb/root/usr/lib/libtaskshim.so.0 $(addprefix $(BUILD)/deb/root/usr/bin/,taskshim spawn-daemon)
	install -D -m 0644 LICENSE $(BUILD)/deb/root/usr/share/doc/taskshim/copyright
	tools/deb $(BUILD)/deb $(VERSION)
	dpkg-deb --root-owner-group --build $(BUILD)/deb/root $(DEB)

clean:
	rm -rf build

help:
	@sed -n 's/^#? //p' $(firstword $(MAKEFILE_LIST))
#? all         build/taskshim, build/spawn-daemon, build/libtaskshim.a, build/libtaskshim.so
#? run         build, then run one task: its output, its ID string, its exit record (root)
#? check       unit, integration and end-to-end tests (root; without it the unit tests)
#? check-asan  the same with AddressSanitizer, UBSan and leak checking
#? check-faults each system call fails, each process is killed at each: all cases; check has a part of them (root)
#? check-defences each defence against an attack is taken out, and its tests must fail (root)
#? check-vm    unit, integration and more tests in virtual machines with cgroup v2 alone (qemu without KVM)
#? lint        clang-format, clang-tidy, cppcheck, shellcheck, mandoc
#? fuzz        libFuzzer targets, FUZZ_SECONDS=60 each
#? bench       start time and memory, beside bubblewrap, crun and runc where installed (deps-bench)
#? check-podman  podman on taskshim and on runc, a hundred checks of each (root)
#? check-containerd  containerd on taskshim and on runc, forty checks of each (root)
#? check-oci-vm  both in virtual machines with cgroup v2 alone
#? deps        install the Debian packages that are missing (deps-lint, deps-fuzz, deps-bench, deps-oci, deps-vm: more of them)
#? install     DESTDIR= PREFIX=/usr/local; uninstall
#? deb         build/taskshim_VERSION_ARCH.deb
#? clean       remove build/

.PHONY: all run tests check check-asan check-faults check-defences check-podman check-containerd check-oci-vm check-vm lint fuzz bench deps deps-lint deps-fuzz deps-bench deps-oci deps-vm install uninstall deb clean help
-include $(shell find $(BUILD) -name '*.d' -type f 2>/dev/null)
.SECONDARY:
.DELETE_ON_ERROR:
