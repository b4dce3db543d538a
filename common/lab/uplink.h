/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node's way out of the lab: an interface with an address, the default route and a name server. All of
 * it is IPv4, the same in every node, and lasts as long as a process of its own, "nemu-uplink", which
 * ends with the node or the interface.
 */
#ifndef LAB_UPLINK_H
#define LAB_UPLINK_H

#include <stdbool.h>

#include "lab/client.h"

#define UPLINK_NAME "uplink" /* of the interface */
/* The addresses of the node's end and of what it sees behind it. */
#define UPLINK_ADDRESS "10.0.2.100"
#define UPLINK_GATEWAY "10.0.2.2"
#define UPLINK_PREFIX 24
#define UPLINK_TAP_MTU "65520" /* the most that slirp4netns takes, and what pasta gives */
#define UPLINK_WAYS "slirp4netns, pasta or nat"

struct uplink {
	const char *way; /* one of UPLINK_WAYS; NULL: the first that this machine has */
	bool masquerade; /* way nat: this machine hides it behind its own address */
	char note[160];	 /* of uplink_start: what it lacks although it is made; or "" */
};

/* Makes it, over a connection that is of no more use then. ERR_USAGE: a bad way. ERR_FEATURE: this
 * machine has none, or not that one. */
__attribute__((warn_unused_result)) int uplink_start(struct client *c, struct uplink *u, struct err *e);

#endif
