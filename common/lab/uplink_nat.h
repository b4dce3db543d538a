/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network address translation for uplink.h, in a network namespace between the node and this machine. */
#ifndef LAB_UPLINK_NAT_H
#define LAB_UPLINK_NAT_H

#include <sys/types.h>

#include "base/err.h"
#include "base/net.h"

struct nat {
	int ns;		       /* the namespace lives as long as this descriptor */
	char host_if[IFNAMSIZ]; /* this machine's end */
	struct inaddr address; /* of the namespace, as this machine sees it */
};

/* Makes the namespace, and in the node of the server pid an interface of that name, which is down and has
 * no address. Nothing of this machine is changed but for the interface and a route to it. The
 * caller may be left in another network namespace after an error. */
__attribute__((warn_unused_result)) int nat_make(struct nat *n, pid_t pid, const char *name,
						 struct err *e);

/* The nft(8) command that hides it behind this machine's own address: a table that is gone when the
 * program is that was given the command. */
void nat_masquerade(const struct nat *n, char *buf, size_t size);

/* Does this machine forward? Else it says how to make it. */
__attribute__((warn_unused_result)) int nat_possible(struct err *e);

#endif
