# taskshim: one non-recursive Makefile. `make help` lists the targets.
# SAN=1 builds with ASan and UBSan (dynamically linked) into build/asan.

PREFIX ?= /usr/local
DESTDIR ?=
CC ?= cc
CFLAGS ?= -O2 -g
VERSION := 0.1.0

ifdef SAN
BUILD := build/asan
SAN_FLAGS := -fsanitize=address,undefined -fno-sanitize-recover=all -fno-omit-frame-pointer
STATIC :=
else
BUILD := build
SAN_FLAGS :=
STATIC := -static
endif

TS_CFLAGS := -std=gnu11 -D_GNU_SOURCE -DTASKSHIM_VERSION='"$(VERSION)"' -I. -Wall -Wextra -Werror -Wshadow \
	-Wstrict-prototypes -Wmissing-prototypes -Wpointer-arith -Wwrite-strings -fvisibility=hidden \
	-fno-strict-aliasing -fstack-protector-strong $(SAN_FLAGS) $(if $(SAN),-DTASKSHIM_SANITIZED)
LIBS := -ljson-c -lcap

UTIL := $(wildcard util/*.c)
PROTOCOL := $(wildcard protocol/*.c)
SPAWN := $(filter-out spawn/main.c,$(wildcard spawn/*.c))
SHIM := $(wildcard shim/*.c)
CMD := $(filter-out shim/cmd/main.c,$(wildcard shim/cmd/*.c))
UNIT_TESTS := $(patsubst tests/unit/%.c,$(BUILD)/tests/unit/%,$(wildcard tests/unit/test_*.c))
INTEGRATION_TESTS := $(patsubst tests/integration/%.c,$(BUILD)/tests/integration/%,$(wildcard tests/integration/test_*.c))
INTEGRATION_SUPPORT := $(filter-out $(wildcard tests/integration/test_*.c) tests/integration/probe.c,$(wildcard tests/integration/*.c))

obj = $(patsubst %.c,$(BUILD)/obj/%.o,$(1))
pic = $(patsubst %.c,$(BUILD)/pic/%.o,$(1))

all: $(BUILD)/taskshim $(BUILD)/spawn-daemon $(BUILD)/libtaskshim.a $(BUILD)/libtaskshim.so

$(BUILD)/obj/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(TS_CFLAGS) -fno-pie -MMD -MP -c -o $@ $<

$(BUILD)/pic/%.o: %.c Makefile
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(TS_CFLAGS) -fPIC -MMD -MP -c -o $@ $<

$(BUILD)/spawn.a: $(call obj,$(SPAWN) $(PROTOCOL) $(UTIL))
	rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/protocol.a: $(call obj,$(PROTOCOL) $(UTIL))
	rm -f $@ && $(AR) rcs $@ $^

$(BUILD)/spawn-daemon: $(call obj,spawn/main.c) $(BUILD)/spawn.a
	$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(STATIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/taskshim: $(call obj,shim/cmd/main.c $(CMD) $(SHIM)) $(BUILD)/protocol.a
	$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(STATIC) $(LDFLAGS) -o $@ $^ $(LIBS)

$(BUILD)/libtaskshim.a: $(call pic,$(SHIM) $(PROTOCOL) $(UTIL))
	rm -f $@ && $(AR) rcs $@ $^
$(BUILD)/libtaskshim.so: $(call pic,$(SHIM) $(PROTOCOL) $(UTIL))
	$(CC) $(CFLAGS) $(SAN_FLAGS) -shared -Wl,-soname,libtaskshim.so.0 $(LDFLAGS) -o $@ $^ $(LIBS)

# --- tests ---
$(BUILD)/tests/unit/%: $(BUILD)/obj/tests/unit/%.o $(BUILD)/spawn.a
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

# What runs inside the tests' tasks: static and without sanitizers, because their roots hold nothing else.
$(BUILD)/tests/integration/probe: tests/integration/probe.c Makefile
	@mkdir -p $(@D)
	$(CC) -O2 -g $(filter-out $(SAN_FLAGS),$(TS_CFLAGS)) -static -o $@ $<

$(BUILD)/tests/integration/test_%: $(BUILD)/obj/tests/integration/test_%.o $(call obj,$(INTEGRATION_SUPPORT)) \
		$(BUILD)/libtaskshim.a | $(BUILD)/tests/integration/probe $(BUILD)/spawn-daemon $(BUILD)/taskshim
	@mkdir -p $(@D)
	$(CC) $(CFLAGS) $(SAN_FLAGS) -no-pie $(LDFLAGS) -o $@ $^ -lcmocka $(LIBS)

.PHONY: all clean
clean:
	rm -rf build

-include $(shell find $(BUILD) -name '*.d' 2>/dev/null)
.SECONDARY:
