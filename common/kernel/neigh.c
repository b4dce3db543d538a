/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours by rtnetlink: see neigh.h. */
#include "kernel/neigh.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <sys/socket.h>

#include "kernel/values.h"

struct each {
	neigh_fn *fn;
	void *arg;
};

static void each_neighbour(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	const struct ndmsg *nd = nlmsg_data(h);
	struct nlattr *tb[NDA_MAX + 1];
	struct neighbour n = {0};

	if (h->nlmsg_type != RTM_NEWNEIGH ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*nd), tb, NDA_MAX, NULL) < 0)
		return;
	n.index = nd->ndm_ifindex;
	n.state = nd->ndm_state;
	n.dst = value_inaddr(nd->ndm_family, tb[NDA_DST]);
	n.lladdr = value_lladdr(tb[NDA_LLADDR]);
	if (n.dst.family)
		each->fn(&n, each->arg);
}

int neigh_each(struct netlink *nl, neigh_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };
	struct ndmsg nd = { .ndm_family = AF_UNSPEC };

	return netlink_dump(nl, netlink_message(RTM_GETNEIGH, 0, &nd, sizeof(nd)), "neighbours", each_neighbour, &each,
			    e);
}
