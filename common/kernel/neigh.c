/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Neighbours by rtnetlink: see neigh.h. */
#include "kernel/neigh.h"

#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <string.h>
#include <sys/socket.h>

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
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*nd), tb, NDA_MAX, NULL) < 0 ||
	    !tb[NDA_DST] || nla_len(tb[NDA_DST]) != (int)inaddr_len(nd->ndm_family))
		return;
	n.index = nd->ndm_ifindex;
	n.state = nd->ndm_state;
	n.dst.family = nd->ndm_family;
	memcpy(n.dst.bytes, nla_data(tb[NDA_DST]), inaddr_len(nd->ndm_family));
	if (tb[NDA_LLADDR] && nla_len(tb[NDA_LLADDR]) <= (int)sizeof(n.lladdr.bytes)) {
		n.lladdr.len = (unsigned char)nla_len(tb[NDA_LLADDR]);
		memcpy(n.lladdr.bytes, nla_data(tb[NDA_LLADDR]), n.lladdr.len);
	}
	each->fn(&n, each->arg);
}

int neigh_each(struct netlink *nl, neigh_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };
	struct ndmsg nd = { .ndm_family = AF_UNSPEC };

	return netlink_dump(nl, netlink_message(RTM_GETNEIGH, 0, &nd, sizeof(nd)), "neighbours", each_neighbour, &each,
			    e);
}
