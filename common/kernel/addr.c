/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of interfaces by rtnetlink: see addr.h. */
#include "kernel/addr.h"

#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
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

/* NULL: no memory. */
static struct nl_msg *build(const struct address *a, int type, int flags)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (unsigned char)a->local.family,
		.ifa_prefixlen = a->prefix_len,
		.ifa_index = (unsigned int)a->index,
		.ifa_scope = a->local.family == AF_INET && a->local.bytes[0] == 127 ? RT_SCOPE_HOST
										    : RT_SCOPE_UNIVERSE,
	};
	int len = (int)inaddr_len(a->local.family);
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	if (!msg || (!nlmsg_append(msg, &ifa, sizeof(ifa), NLMSG_ALIGNTO) &&
		     !nla_put(msg, IFA_LOCAL, len, a->local.bytes) &&
		     !nla_put(msg, IFA_ADDRESS, len, a->local.bytes) &&
		     (!a->broadcast.family || !nla_put(msg, IFA_BROADCAST, 4, a->broadcast.bytes))))
		return msg;
	nlmsg_free(msg);
	return NULL;
}

static int change(struct netlink *nl, const struct address *a, int type, int flags, struct err *e)
{
	struct nl_msg *msg = build(a, type, flags);
	char what[INADDR_TEXT + 8], text[INADDR_TEXT];

	if (!msg)
		return err_nomem(e);
	snprintf(what, sizeof(what), "%s/%u", inaddr_text(&a->local, text), a->prefix_len);
	return netlink_request(nl, msg, what, NULL, NULL, e);
}

int addr_add(struct netlink *nl, const struct address *a, struct err *e)
{
	return change(nl, a, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, e);
}

int addr_del(struct netlink *nl, const struct address *a, struct err *e)
{
	return change(nl, a, RTM_DELADDR, 0, e);
}
