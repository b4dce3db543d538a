# SPDX-License-Identifier: GPL-2.0-or-later
# nemu: "make demo" shows what it does, "make check" tests it; both install what they need.

VERSION := 0.1.0
BUILD ?= build
BIN ?= nemu
Q := $(if $(V),,@)

CFLAGS ?= -O2 -g
HARDEN ?= -D_FORTIFY_SOURCE=2 -fstack-protector-strong
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(WARN) -fPIE $(HARDEN) $(CFLAGS) \
	-Icommon -Iapplets -ffunction-sections -fdata-sections

# All libraries are linked in, libc too, where their archives are installed: a command lives for
# a millisecond, and loading shared ones takes a fifth of that. LINK=shared takes those.
PKGS := libnl-route-3.0 libnl-3.0 libcap-ng
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
LIBDIR = $(shell pkg-config --variable=libdir libnl-3.0)
ARCHIVES = $(wildcard $(LIBDIR)/libnl-route-3.a $(LIBDIR)/libnl-3.a $(LIBDIR)/libcap-ng.a)
SHARED_LIBS = $(shell pkg-config --libs $(PKGS)) -lm
ifeq ($(LINK),shared)
LIBS = $(SHARED_LIBS)
PIE := -pie
else
LIBS = $(if $(word 3,$(ARCHIVES)),$(LIBDIR)/libnl-route-3.a $(LIBDIR)/libnl-3.a \
	$(LIBDIR)/libcap-ng.a -lpthread -lm,$(SHARED_LIBS))
# The linker warns that names of users may come from shared libraries of the same libc: they may.
PIE = $(if $(word 3,$(ARCHIVES)),-static-pie $(shell ld --help | grep -o -m1 -e '--no-warnings' | \
	sed 's/^/-Wl,/'),-pie)
endif
ALL_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--gc-sections $(LDFLAGS)

SRC := $(wildcard applets/*.c applets/server/*.c common/*/*.c)
OBJ = $(SRC:%.c=$(BUILD)/%.o)
COMMON_OBJ = $(filter $(BUILD)/common/%,$(OBJ))
UNIT = $(patsubst %.c,$(BUILD)/%,$(filter-out %-emit.c,$(wildcard tests/unit/*.c)))

all: $(BIN)

$(BIN): $(OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(PIE) $(ALL_LDFLAGS) -o $@ $(OBJ) $(LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(COMMON_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(SHARED_LIBS)

-include $(OBJ:.o=.d) $(UNIT:=.d)

# ---------------------------------------------------------------- what has to be installed

# module or command=Debian package; pkg-config and the PATH decide.
NEED_BUILD := libnl-3.0=libnl-3-dev libnl-route-3.0=libnl-route-3-dev libcap-ng=libcap-ng-dev
NEED_DEMO := ping=iputils-ping iperf3=iperf3 ss=iproute2
NEED_CHECK := cmocka=libcmocka-dev bats=bats jq=jq python3=python3 setpriv=util-linux \
	mandoc=mandoc shellcheck=shellcheck socat=socat tmux=tmux Xvfb=xvfb \
	xauth=xauth xdpyinfo=x11-utils xwd=x11-apps
NEED_BENCH := python3=python3 ip=iproute2 nsenter=util-linux

deps:
	@sh tests/deps $(NEED_BUILD) $(NEED)

# ---------------------------------------------------------------- demo, tests, benchmarks

demo:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_DEMO)"
	@$(MAKE) --no-print-directory all
	@NEMU=$(CURDIR)/$(BIN) sh tests/labs/two-hosts.sh

check:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_DEMO) $(NEED_CHECK)"
	@$(MAKE) --no-print-directory check-built

# A second time under the sanitizers; and the sources themselves.
ASAN := build/asan
check-built: all
	@$(MAKE) --no-print-directory units
	@$(MAKE) --no-print-directory BUILD=$(ASAN) BIN=$(ASAN)/nemu HARDEN= LINK=shared \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined" all units
	@tests/run --with $(CURDIR)/$(BIN) build tests/source/*.t $(UNIT) tests/unit/*.sh \
		tests/wire/*.t tests/labs/*.bats tests/labs/*.t \
		--with $(CURDIR)/$(ASAN)/nemu $(ASAN) $(UNIT:build/%=$(ASAN)/%) \
		tests/wire/*.t tests/labs/*.bats tests/labs/*.t

# What needs a kernel with netem, dummy, vlan, wireguard, where this one has none: in a machine that
# VM_RUN COMMAND... starts, with this file system.
VM_RUN ?= $(shell command -v vm-run)
check-vm: all
	@[ -n "$(VM_RUN)" ] || { echo "make check-vm: VM_RUN= names no program that runs a command" \
		"under a full kernel"; exit 1; }
	@$(VM_RUN) -t 1800 env NEMU_MUST_RUN=1 NEMU=$(CURDIR)/$(BIN) tests/run tests/labs/impair.bats \
		tests/labs/kinds.bats tests/labs/switch.bats tests/labs/import.bats tests/labs/link.bats

units: $(UNIT)

bench:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_BENCH)"
	@$(MAKE) --no-print-directory all
	@NEMU=$(CURDIR)/$(BIN) tests/bench/run

clean:
	rm -rf build nemu

.PHONY: all deps demo check check-built check-vm units bench clean
