/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of interfaces by rtnetlink: see addr.h. */
#include "kernel/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/addr.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/addr.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static void read_inaddr(struct inaddr *a, int family, const struct nlattr *attr)
{
	if (!attr || nla_len(attr) != (int)inaddr_len(family))
		return;
	a->family = family;
	memcpy(a->bytes, nla_data(attr), inaddr_len(family));
}

static bool read_address(const struct nlmsghdr *h, struct address *a)
{
	const struct ifaddrmsg *ifa = nlmsg_data(h);
	const struct ifa_cacheinfo *ci;
	struct nlattr *tb[IFA_MAX + 1];

	*a = (struct address){ .valid = UINT32_MAX, .preferred = UINT32_MAX };
	if (h->nlmsg_type != RTM_NEWADDR ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifa), tb, IFA_MAX, NULL) < 0)
		return false;
	a->index = (int)ifa->ifa_index;
	a->prefix_len = ifa->ifa_prefixlen;
	a->scope = ifa->ifa_scope;
	a->flags = tb[IFA_FLAGS] ? nla_get_u32(tb[IFA_FLAGS]) : ifa->ifa_flags;
	/* IFA_LOCAL is the own address where the link is point to point; else only one is there. */
	read_inaddr(&a->local, ifa->ifa_family, tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	read_inaddr(&a->peer, ifa->ifa_family, tb[IFA_ADDRESS]);
	if (inaddr_equal(&a->local, &a->peer))
		a->peer = (struct inaddr){0};
	read_inaddr(&a->broadcast, ifa->ifa_family, tb[IFA_BROADCAST]);
	if (tb[IFA_LABEL])
		nla_strlcpy(a->label, tb[IFA_LABEL], sizeof(a->label));
	if (tb[IFA_CACHEINFO] && nla_len(tb[IFA_CACHEINFO]) >= (int)sizeof(*ci)) {
		ci = nla_data(tb[IFA_CACHEINFO]);
		a->valid = ci->ifa_valid;
		a->preferred = ci->ifa_prefered;
	}
	return a->local.family != 0;
}

struct each {
	addr_fn *fn;
	void *arg;
};

static void each_address(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct address a;

	if (read_address(h, &a))
		each->fn(&a, each->arg);
}

static int dump(struct netlink *nl, int family, struct each *each, struct err *e)
{
	struct ifaddrmsg ifa = { .ifa_family = (unsigned char)family };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_GETADDR, 0);

	if (msg && nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO) < 0) {
		nlmsg_free(msg);
		msg = NULL;
	}
	return netlink_dump(nl, msg, "addresses", each_address, each, e);
}

int addr_each(struct netlink *nl, addr_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };

	if (dump(nl, AF_INET, &each, e))
		return -1;
	return dump(nl, AF_INET6, &each, e);
}

static struct rtnl_addr *build(const struct address *a)
{
	struct rtnl_addr *r = rtnl_addr_alloc();
	struct nl_addr *local =
		nl_addr_build(a->local.family, a->local.bytes, inaddr_len(a->local.family));
	struct nl_addr *brd = NULL;

	if (!r || !local) {
		rtnl_addr_put(r);
		nl_addr_put(local);
		return NULL;
	}
	nl_addr_set_prefixlen(local, a->prefix_len);
	rtnl_addr_set_ifindex(r, a->index);
	rtnl_addr_set_local(r, local);
	if (a->broadcast.family) {
		brd = nl_addr_build(AF_INET, a->broadcast.bytes, 4);
		if (!brd || rtnl_addr_set_broadcast(r, brd) < 0) {
			rtnl_addr_put(r);
			r = NULL;
		}
	}
	nl_addr_put(local);
	nl_addr_put(brd);
	return r;
}

static int change(struct netlink *nl, const struct address *a, bool add, struct err *e)
{
	struct rtnl_addr *r = build(a);
	struct nl_msg *msg = NULL;
	char what[INADDR_TEXT + 8], text[INADDR_TEXT];
	int code;

	if (!r)
		return err_nomem(e);
	if (add)
		code = rtnl_addr_build_add_request(r, NLM_F_CREATE | NLM_F_EXCL, &msg);
	else
		code = rtnl_addr_build_delete_request(r, 0, &msg);
	rtnl_addr_put(r);
	snprintf(what, sizeof(what), "%s/%u", inaddr_text(&a->local, text), a->prefix_len);
	if (code < 0)
		return netlink_build_error(code, what, e);
	return netlink_request(nl, msg, what, NULL, NULL, e);
}

int addr_add(struct netlink *nl, const struct address *a, struct err *e)
{
	return change(nl, a, true, e);
}

int addr_del(struct netlink *nl, const struct address *a, struct err *e)
{
	return change(nl, a, false, e);
}
