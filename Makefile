# SPDX-License-Identifier: GPL-2.0-or-later
# nemu: "make demo" shows what it does, "make check" tests it; both install what they need.

VERSION := 0.1.0
BUILD ?= build
BIN ?= nemu
Q := $(if $(V),,@)

CFLAGS ?= -O2 -g
HARDEN := -fPIE -fstack-protector-strong -D_FORTIFY_SOURCE=2
WARN := -Wall -Wextra -Wshadow -Wconversion -Werror
ALL_CFLAGS = -std=gnu11 -D_GNU_SOURCE -DVERSION='"$(VERSION)"' $(WARN) $(HARDEN) $(CFLAGS) \
	-Icommon -Iapplets -ffunction-sections -fdata-sections

# The libraries are linked in where their archives are installed: an applet that needs none of
# them then does not pay for loading them. LINK=shared takes the shared ones.
PKGS := libnl-route-3.0 libnl-3.0 libcap-ng
PKG_CFLAGS = $(shell pkg-config --cflags $(PKGS) | sed 's/-I/-isystem /g')
LIBDIR = $(shell pkg-config --variable=libdir libnl-3.0)
ARCHIVES = $(wildcard $(LIBDIR)/libnl-route-3.a $(LIBDIR)/libnl-3.a $(LIBDIR)/libcap-ng.a)
ifeq ($(LINK),shared)
LIBS = $(shell pkg-config --libs $(PKGS))
else
LIBS = $(if $(word 3,$(ARCHIVES)),$(LIBDIR)/libnl-route-3.a $(LIBDIR)/libnl-3.a \
	$(LIBDIR)/libcap-ng.a -lpthread,$(shell pkg-config --libs $(PKGS)))
endif
ALL_LDFLAGS = -pie -Wl,-z,relro,-z,now -Wl,--gc-sections $(LDFLAGS)

SRC := $(wildcard applets/*.c applets/server/*.c common/*/*.c)
OBJ = $(SRC:%.c=$(BUILD)/%.o)

$(BIN): $(OBJ)
	@echo "  LD $@"
	$(Q)$(CC) $(ALL_CFLAGS) $(ALL_LDFLAGS) -o $@ $(OBJ) $(LIBS)

$(BUILD)/%.o: %.c Makefile
	@mkdir -p $(@D)
	@echo "  CC $<"
	$(Q)$(CC) $(ALL_CFLAGS) $(PKG_CFLAGS) -MMD -MP -c -o $@ $<

-include $(OBJ:.o=.d)

clean:
	rm -rf build nemu

.PHONY: clean
