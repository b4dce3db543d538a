/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of the main table by rtnetlink. Errors as in netlink.h. */
#ifndef KERNEL_ROUTE_H
#define KERNEL_ROUTE_H

#include "base/net.h"
#include "kernel/netlink.h"

typedef void route_fn(const struct route *r, void *arg);

/* Calls fn for every route of the main table, IPv4 first, then IPv6, in the kernel's order; a
 * multipath route once for each next hop. */
__attribute__((warn_unused_result)) int route_each(struct netlink *nl, route_fn *fn, void *arg,
						   struct err *e);

/* Of r: family, type, dst (none: default), prefix_len, gateway (of that family), index, metric (0: the kernel's). */
__attribute__((warn_unused_result)) int route_add(struct netlink *nl, const struct route *r,
						  struct err *e);
__attribute__((warn_unused_result)) int route_del(struct netlink *nl, const struct route *r,
						  struct err *e);

#endif
