/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of base/net.h as libnl has them. */
#ifndef KERNEL_VALUES_H
#define KERNEL_VALUES_H

#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/route/link.h>
#include <string.h>
#include <sys/socket.h>

#include "base/net.h"

/* None, if there is no attribute, or none of that family. */
static inline struct inaddr value_inaddr(int family, const struct nlattr *attr)
{
	struct inaddr a = {0};

	if (!attr || nla_len(attr) != (int)inaddr_len(family))
		return a;
	a.family = family;
	memcpy(a.bytes, nla_data(attr), inaddr_len(family));
	return a;
}

/* set: rtnl_link_set_addr or rtnl_link_set_broadcast. false: no memory. */
static inline bool value_set_lladdr(struct rtnl_link *l, const struct lladdr *a,
				    void (*set)(struct rtnl_link *, struct nl_addr *))
{
	struct nl_addr *addr = nl_addr_build(AF_LLC, a->bytes, a->len);

	if (!addr)
		return false;
	set(l, addr);
	nl_addr_put(addr);
	return true;
}

#endif
