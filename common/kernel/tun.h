/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tun and tap interfaces, by /dev/net/tun. */
#ifndef KERNEL_TUN_H
#define KERNEL_TUN_H

#include <stdint.h>

#include "kernel/link.h"

/* Can the caller make any? ERR_FEATURE: the machine has none. */
__attribute__((warn_unused_result)) int tun_possible(struct err *e);

/* Makes a persistent one in the caller's network namespace; owner: the user who may attach to it
 * without privilege, -1: none. how: as for link_add. ERR_FEATURE: the machine has none. */
__attribute__((warn_unused_result)) int tun_add(struct netlink *nl, const char *name, bool tap,
						int64_t owner, const struct link_change *how,
						struct err *e);

/* The descriptor of an existing one, the caller's to close. EBUSY: another program has it. */
__attribute__((warn_unused_result)) int tun_attach(const struct iface *i, struct err *e);

#endif
