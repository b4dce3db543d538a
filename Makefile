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
PKGS := libnl-3.0 libcap-ng
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
LIBDIR = $(shell pkg-config --variable=libdir libnl-3.0)
ARCHIVES = $(wildcard $(LIBDIR)/libnl-3.a $(LIBDIR)/libcap-ng.a)
SHARED_LIBS = $(shell pkg-config --libs $(PKGS)) -lm
ifdef STATIC # without the archives: an error, not another kind of binary
ifneq ($(words $(ARCHIVES)),2)
$(error STATIC=1 needs libnl-3.a and libcap-ng.a in $(LIBDIR))
endif
endif
ifeq ($(LINK),shared)
LIBS = $(SHARED_LIBS)
PIE := -pie
else
LIBS = $(if $(word 2,$(ARCHIVES)),$(ARCHIVES) -lpthread -lm,$(SHARED_LIBS))
# The linker warns that names of users may come from shared libraries of the same libc: they may.
PIE = $(if $(word 2,$(ARCHIVES)),-static-pie $(shell ld --help | grep -o -m1 -e '--no-warnings' | \
	sed 's/^/-Wl,/'),-pie)
endif
# glibc's start asks the processor for its caches, again and again; each time traps in a virtual machine, and
# that takes four fifths of the time of a short command. So musl's libc.a is taken in place of glibc's, where
# it is installed (musl-tools): it keeps to glibc's ABI, common/musl.c has what is missing, and texts of
# errors and names of signals are glibc's. LIBC=glibc does without.
MACHINE := $(shell $(CC) -dumpmachine)
MUSL := $(if $(filter glibc,$(LIBC))$(filter shared,$(LINK)),,$(if $(word 2,$(ARCHIVES)),$(patsubst %/libc.a,%,\
	$(wildcard $(patsubst %-gnu,/usr/lib/%-musl/libc.a,$(filter x86_64-% aarch64-%,$(MACHINE)))))))
GLIBC_TEXTS = errlist-data.o siglist.o sigabbrev_np.o
MUSL_OBJ = $(BUILD)/common/musl.o $(GLIBC_TEXTS:%=$(BUILD)/glibc/%)
MUSL_WRAPS = strerror malloc calloc realloc free $(if $(filter x86_64%,$(MACHINE)),memcpy)
# Of these objects, and musl's.
LINK_MUSL = $(CC) $(ALL_CFLAGS) -static-pie -nostdlib $(ALL_LDFLAGS) $(MUSL_WRAPS:%=-Wl,--wrap=%) -o $@ \
	$(MUSL)/rcrt1.o $(MUSL)/crti.o $(1) $(MUSL_OBJ) $(ARCHIVES) $(MUSL)/libc.a -lgcc $(MUSL)/libc.a \
	$(MUSL)/crtn.o
LINK_GLIBC = $(CC) $(ALL_CFLAGS) $(PIE) $(ALL_LDFLAGS) -o $@ $(OBJ) $(LIBS)

ALL_LDFLAGS = -Wl,-z,relro,-z,now -Wl,--gc-sections $(LDFLAGS)

SRC := $(wildcard applets/*.c applets/server/*.c common/*/*.c)
OBJ = $(SRC:%.c=$(BUILD)/%.o)
COMMON_OBJ = $(filter $(BUILD)/common/%,$(OBJ))
UNIT = $(patsubst %.c,$(BUILD)/%,$(filter-out %-emit.c,$(wildcard tests/unit/*.c)))

UNIT_MUSL = $(if $(MUSL),$(BUILD)/tests/musl/musl)

all: $(BIN)

# Another way to link is another binary.
$(BUILD)/linked: FORCE
	@mkdir -p $(@D)
	@echo '$(or $(MUSL),$(LIBS)) $(LDFLAGS)' | cmp -s - $@ || echo '$(or $(MUSL),$(LIBS)) $(LDFLAGS)' >$@

$(BIN): $(OBJ) $(if $(MUSL),$(MUSL_OBJ)) $(BUILD)/linked
	@echo "  LD $@"
	$(Q)$(if $(MUSL),$(call LINK_MUSL,$(OBJ)) || { echo "  LD $@ (with glibc)"; $(LINK_GLIBC); },$(LINK_GLIBC))

$(BUILD)/tests/musl/musl: $(BUILD)/tests/musl/musl.o $(MUSL_OBJ)
	@echo "  LD $@"
	$(Q)$(call LINK_MUSL,$<)

$(BUILD)/glibc/%:
	@mkdir -p $(@D)
	$(Q)ar p "$$($(CC) -print-file-name=libc.a)" $* >$@

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

$(BUILD)/tests/unit/%: $(BUILD)/tests/unit/%.o $(COMMON_OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) -o $@ $^ -lcmocka $(SHARED_LIBS)

# A binary in which calls can be made to fail: tests/faults.
WRAPPED := $(shell sed -n 's/^WRAP[_ANY]*.[^,]*, \([a-z0-9_]*\),.*/\1/p' tests/faults/wrap.c) openat prctl
$(BUILD)/faults/nemu: $(OBJ) $(BUILD)/tests/faults/wrap.o
	@mkdir -p $(@D)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) -pie $(ALL_LDFLAGS) $(WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(SHARED_LIBS)

# The one before $NEMU by which the labs are an ordinary user's: tests/run --as-user.
$(BUILD)/as-user: tests/as-user.c
	@echo "  CC $<"
	$(Q)$(CC) -std=gnu11 -D_GNU_SOURCE -DTEST_USER=12399 $(WARN) $(CFLAGS) -o $@ $<

# Fuzz targets. The server's session stands on stubs in the place of the kernel layer.
FUZZ := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))
FUZZ_BIN = $(FUZZ:%=$(BUILD)/%)
FUZZ_SERVER = $(filter $(BUILD)/applets/server/% $(BUILD)/common/base/% $(BUILD)/common/wire/%,$(OBJ)) \
	$(BUILD)/common/kernel/caps.o $(BUILD)/common/kernel/kind.o \
	$(BUILD)/tests/fuzz/stubs/network.o $(BUILD)/tests/fuzz/stubs/processes.o
FUZZ_WRAPPED := $(shell sed -n 's/^[a-z].* __wrap_\([a-z_]*\).*;$$/\1/p' tests/fuzz/*.c tests/fuzz/stubs/*.c)
$(BUILD)/session: $(BUILD)/tests/fuzz/session.o $(FUZZ_SERVER)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer $(FUZZ_WRAPPED:%=-Wl,--wrap=%) -o $@ $^ $(SHARED_LIBS)

$(filter-out %/session,$(FUZZ_BIN)): $(BUILD)/%: $(BUILD)/tests/fuzz/%.o $(OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(CFLAGS) -fsanitize=fuzzer -o $@ $^ $(SHARED_LIBS)

fuzz-targets: $(FUZZ_BIN)

-include $(OBJ:.o=.d) $(UNIT:=.d) $(wildcard $(BUILD)/tests/fuzz/*.d $(BUILD)/tests/fuzz/stubs/*.d)

# ---------------------------------------------------------------- what has to be installed

# module or command=Debian package; pkg-config and the PATH decide.
NEED_BUILD := libnl-3.0=libnl-3-dev libcap-ng=libcap-ng-dev \
	$(if $(shell command -v apt-get),musl-gcc=musl-tools)
NEED_DEMO := ping=iputils-ping iperf3=iperf3 ss=iproute2
NEED_CHECK := cmocka=libcmocka-dev bats=bats jq=jq python3=python3 setpriv=util-linux \
	mandoc=mandoc shellcheck=shellcheck socat=socat tmux=tmux Xvfb=xvfb \
	xauth=xauth xdpyinfo=x11-utils xwd=x11-apps bird=bird2 nft=nftables wg=wireguard-tools \
	newuidmap=uidmap fish=fish zsh=zsh cppcheck=cppcheck \
	clang=clang slirp4netns=slirp4netns pasta=passt strace=strace
NEED_BENCH := python3=python3 ip=iproute2 nsenter=util-linux socat=socat xauth=xauth \
	mnexec=mininet

deps:
	@sh tests/deps $(NEED_BUILD) $(NEED)

# ---------------------------------------------------------------- demo, tests, benchmarks

demo:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_DEMO)"
	@$(MAKE) --no-print-directory all
	@NEMU="$(CURDIR)/$(BIN)" sh tests/labs/two-hosts.sh

check:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_DEMO) $(NEED_CHECK)"
	@$(MAKE) --no-print-directory -j2 all
	@$(MAKE) --no-print-directory check-built

# The labs a second time as an ordinary user and under the sanitizers: as root what root alone can do, or
# does to become a user; without the sanitizers what is about scripts and packages. And the sources themselves.
# "make check-asan": all of it as root under the sanitizers, leaks too.
ASAN := build/asan
LABS := $(wildcard tests/labs/*.bats tests/labs/*.t)
PLAIN := $(patsubst %,tests/labs/%,real.bats completion.bats package.bats clients.bats install.bats manual.t)
ROOTS := $(patsubst %,tests/labs/%,priv.bats user.bats import.bats peer.bats package.bats clients.bats \
	x11-bytes.t)
# As root as well, with a search for leaks.
LEAKS := $(patsubst %,tests/labs/%,link.bats if.bats batch.bats)
# Rates and times are measured in them, which takes a machine that does nothing else.
RATES := tests/labs/impair.bats
build-asan:
	@$(MAKE) --no-print-directory -j2 BUILD=$(ASAN) BIN=$(ASAN)/nemu HARDEN= LINK=shared \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined" all units $(ASAN)/as-user

check-built: all build-asan
	@$(MAKE) --no-print-directory -j2 units $(BUILD)/faults/nemu $(BUILD)/as-user
	@$(MAKE) --no-print-directory -j2 fuzz TARGET=
	@NEMU_HANGS=500 tests/run --with "$(CURDIR)/$(BIN)" build tests/source/*.t $(UNIT) $(UNIT_MUSL) tests/unit/*.sh \
		tests/wire/*.t $(filter-out $(RATES),$(LABS)) tests/faults/*.t tests/fuzz/fuzz.t \
		--with "$(CURDIR)/$(ASAN)/nemu" $(ASAN) $(UNIT:build/%=$(ASAN)/%) \
		tests/wire/*.t $(filter-out $(PLAIN),$(ROOTS)) $(LEAKS) --as-user $(filter-out $(PLAIN) $(ROOTS) $(RATES),$(LABS)) \
		--with "$(CURDIR)/$(BIN)" build --as-user $(filter-out $(ROOTS),$(PLAIN)) \
		--with "$(CURDIR)/$(ASAN)/nemu" $(ASAN) --alone --as-user $(RATES) \
		--with "$(CURDIR)/$(BIN)" build $(RATES) tests/stress/*.t

check-asan:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_DEMO) $(NEED_CHECK)"
	@$(MAKE) --no-print-directory build-asan
	@tests/run --with "$(CURDIR)/$(ASAN)/nemu" $(ASAN) $(UNIT:build/%=$(ASAN)/%) tests/wire/*.t $(LABS)

# All targets; TARGET=session: and that one until something is found. What it finds it prints and
# keeps in build/fuzz/, what it learns in build/fuzz/found/session.
TARGET ?=
fuzz:
	@$(MAKE) --no-print-directory deps NEED=clang=clang
	@$(MAKE) --no-print-directory BUILD=build/fuzz CC=clang HARDEN= LINK=shared \
		CFLAGS="-O1 -g -fno-omit-frame-pointer -Dmain=nemu_main -Wno-sign-conversion -fsanitize=fuzzer-no-link,address,undefined \
		-fno-sanitize-recover=undefined" fuzz-targets
	@[ -z "$(TARGET)" ] || { mkdir -p build/fuzz/found/$(TARGET) && exec build/fuzz/$(TARGET) \
		-artifact_prefix=build/fuzz/ build/fuzz/found/$(TARGET) tests/fuzz/corpus/$(TARGET); }

# What needs a kernel with netem, dummy, vlan, wireguard, where this one has none: in a machine that
# VM_RUN COMMAND... starts, with this file system.
VM_RUN ?= $(shell command -v vm-run)
check-vm: all
	@[ -n "$(VM_RUN)" ] || { echo "make check-vm: VM_RUN= names no program that runs a command" \
		"under a full kernel"; exit 1; }
	@$(VM_RUN) -t 1800 env NEMU_JOBS=1 NEMU_MUST_RUN=1 NEMU="$(CURDIR)/$(BIN)" tests/run tests/labs/impair.bats \
		tests/labs/kinds.bats tests/labs/switch.bats tests/labs/import.bats tests/labs/link.bats \
		tests/labs/real.bats

# More kills, more of all at once: some minutes. And MINUTES of anything at all.
stress: all
	@NEMU="$(CURDIR)/$(BIN)" NEMU_KILLS=1000 NEMU_LOAD=full tests/run tests/stress/*.t

MINUTES ?= 10
soak: all
	@NEMU="$(CURDIR)/$(BIN)" tests/stress/soak $(MINUTES)

units: $(UNIT) $(UNIT_MUSL)

bench:
	@$(MAKE) --no-print-directory deps NEED="$(NEED_BENCH)"
	@$(MAKE) --no-print-directory all
	@NEMU="$(CURDIR)/$(BIN)" tests/bench/run

# ---------------------------------------------------------------- installation

# PREFIX= and DESTDIR= as usual. A link for each applet, its page, completions.
PREFIX ?= /usr/local
BIN_DIR = $(DESTDIR)$(PREFIX)/bin
MAN_DIR = $(DESTDIR)$(PREFIX)/share/man
BASH_DIR = $(DESTDIR)$(PREFIX)/share/bash-completion/completions
ZSH_DIR = $(DESTDIR)$(PREFIX)/share/zsh/site-functions
FISH_DIR = $(DESTDIR)$(PREFIX)/share/fish/vendor_completions.d
DOC_DIR = $(DESTDIR)$(PREFIX)/share/doc/nemu
APPLETS := $(shell sed -n 's/^APPLET.[^"]*"\([^"]*\)".*/\1/p' applets/list.h)
LINKS := $(APPLETS:%=nemu-%)

install: all
	install -d "$(BIN_DIR)" "$(MAN_DIR)/man1" "$(MAN_DIR)/man7" "$(BASH_DIR)" "$(ZSH_DIR)" "$(FISH_DIR)" \
		"$(DOC_DIR)/examples"
	install -m 755 "$(BIN)" "$(BIN_DIR)/nemu"
	for a in $(LINKS); do ln -sf nemu "$(BIN_DIR)/$$a" || exit 1; done
	install -m 644 man/*.1 "$(MAN_DIR)/man1"
	install -m 644 man/*.7 "$(MAN_DIR)/man7"
	install -m 644 completions/nemu.bash "$(BASH_DIR)/nemu"
	for a in $(LINKS); do ln -sf nemu "$(BASH_DIR)/$$a" || exit 1; done
	install -m 644 completions/nemu.zsh "$(ZSH_DIR)/_nemu"
	install -m 644 completions/nemu.fish "$(FISH_DIR)/nemu.fish"
	install -m 644 README.md "$(DOC_DIR)"
	install -m 755 man/examples/* tests/labs/real/*.sh "$(DOC_DIR)/examples"

uninstall:
	for a in nemu $(LINKS); do rm -f "$(BIN_DIR)/$$a" "$(BASH_DIR)/$$a" || exit 1; done
	rm -f "$(ZSH_DIR)/_nemu" "$(FISH_DIR)/nemu.fish"
	for p in $(notdir $(wildcard man/*.1)); do rm -f "$(MAN_DIR)/man1/$$p" || exit 1; done
	for p in $(notdir $(wildcard man/*.7)); do rm -f "$(MAN_DIR)/man7/$$p" || exit 1; done
	rm -rf "$(DOC_DIR)"
	cd "$(DESTDIR)$(PREFIX)" && rmdir -p bin share/man/man1 share/man/man7 share/doc \
		share/bash-completion/completions share/zsh/site-functions \
		share/fish/vendor_completions.d 2>/dev/null || :

# A package of the tree as it is: build/nemu_VERSION_ARCH.deb. It needs no other, as all is linked in.
DEB = $(BUILD)/deb
ARCH = $(shell dpkg --print-architecture)
define CONTROL
Package: nemu
Version: $(VERSION)
Architecture: $(ARCH)
Maintainer: nemu developers <nemu@localhost>
Section: net
Priority: optional
Suggests: graphviz, iproute2, xauth
Description: networks on one machine, made of network namespaces
 A node is a network namespace with a small server in it; nodes are linked,
 given addresses and routes, and programs are run in them, from a shell.
endef
export CONTROL

deb:
	@$(MAKE) --no-print-directory deps NEED="dpkg-deb=dpkg gzip=gzip"
	@$(MAKE) --no-print-directory STATIC=1 all
	@rm -rf $(DEB)
	@umask 022 && $(MAKE) --no-print-directory -s install DESTDIR=$(DEB) PREFIX=/usr
	@strip --strip-unneeded $(DEB)/usr/bin/nemu && gzip -9n $(DEB)/usr/share/man/man*/*
	@install -m 644 COPYING $(DEB)/usr/share/doc/nemu/copyright
	@install -d $(DEB)/DEBIAN && echo "$$CONTROL" >$(DEB)/DEBIAN/control
	@cd $(DEB) && find usr -type f -exec md5sum {} + >DEBIAN/md5sums
	@dpkg-deb --root-owner-group -b $(DEB) $(BUILD)/nemu_$(VERSION)_$(ARCH).deb

clean:
	rm -rf build nemu

# Objects of tests are kept, as others are; what has failed is not.
.SECONDARY:
.DELETE_ON_ERROR:

.PHONY: FORCE all deps demo check check-built build-asan check-asan check-vm fuzz fuzz-targets stress soak units bench install uninstall deb clean
