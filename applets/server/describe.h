/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has, as plain data under the names that "ip -j" uses (nemu-protocol(7)). */
#ifndef SERVER_DESCRIBE_H
#define SERVER_DESCRIBE_H

#include <stdlib.h>

#include "base/buf.h"
#include "base/net.h"
#include "kernel/netlink.h"

/* All interfaces of the namespace. Start with {0}. */
struct ifaces {
	struct iface *v;
	size_t n;
};

__attribute__((warn_unused_result)) int ifaces_read(struct ifaces *all, struct netlink *nl,
						    struct err *e);

static inline void own_ifaces(struct ifaces *all)
{
	free(all->v);
}

/* The keys and values of one interface, into a dict that has been begun. */
void describe_iface(struct buf *b, const struct iface *i, const struct ifaces *all);
/* A whole dict each. */
void describe_address(struct buf *b, const struct address *a);
void describe_route(struct buf *b, const struct route *r, const struct ifaces *all);

#endif
