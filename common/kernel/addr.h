/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of interfaces by rtnetlink. Errors as in netlink.h. */
#ifndef KERNEL_ADDR_H
#define KERNEL_ADDR_H

#include "base/net.h"
#include "kernel/netlink.h"

typedef void addr_fn(const struct address *a, void *arg);

/* Calls fn for every address: IPv4 first, then IPv6, each in the kernel's order. */
__attribute__((warn_unused_result)) int addr_each(struct netlink *nl, addr_fn *fn, void *arg,
						  struct err *e);

/* Adding takes all that a says; removing takes index, local, prefix_len. */
__attribute__((warn_unused_result)) int addr_add(struct netlink *nl, const struct address *a,
						 struct err *e);
__attribute__((warn_unused_result)) int addr_del(struct netlink *nl, const struct address *a,
						 struct err *e);

#endif
