/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The links of a lab, found out from what the kernel tells in each node. */
#ifndef LAB_LINKS_H
#define LAB_LINKS_H

#include <stdbool.h>

#include "base/err.h"
#include "base/value.h"
#include "lab/client.h"

/* A list of dicts: ends, a list of one or two dicts (node, ifname, ifindex, address, flags,
 * impairments: a dict by name, qdiscs: a list) - one if the other end is outside the lab -, and
 * state: "up", "down", or "no-carrier". A lab that is not there, and a node that ends meanwhile, have none. NULL:
 * error. */
struct value *links_of_lab(const char *lab, struct value_pool *pool, struct err *e);

/* The same without impairments and qdiscs; and calls fn for each node, before its links are looked at, where
 * call_node answers at once. If fn gives -1 that is an error. */
typedef int links_node_fn(struct client *c, void *arg, struct err *e);
struct value *links_and_nodes(const char *lab, links_node_fn *fn, void *arg, struct value_pool *pool,
			      struct err *e);

/* Has an interface that is up no carrier? NO-CARRIER alone is said of its state, which follows its carrier with
 * some delay. */
bool links_no_carrier(const struct value *iface);

/* The other end of a link, out of that list. NULL: it is not in the lab. */
const struct value *links_far_end(const struct value *links, const char *node, const char *ifname);

#endif
