/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours (ARP, NDP) by rtnetlink. Errors as in netlink.h. */
#ifndef KERNEL_NEIGH_H
#define KERNEL_NEIGH_H

#include "base/net.h"
#include "kernel/netlink.h"

struct neighbour {
	int index; /* of the interface */
	struct inaddr dst;
	struct lladdr lladdr;
	uint16_t state; /* NUD_* of linux/neighbour.h */
};

typedef void neigh_fn(const struct neighbour *n, void *arg);

__attribute__((warn_unused_result)) int neigh_each(struct netlink *nl, neigh_fn *fn, void *arg,
						   struct err *e);

#endif
