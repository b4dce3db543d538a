/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses of interfaces by rtnetlink: see addr.h. */
#include "kernel/addr.h"

#include <errno.h>
#include <linux/if_addr.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/values.h"

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
	a->local = value_inaddr(ifa->ifa_family, tb[IFA_LOCAL] ? tb[IFA_LOCAL] : tb[IFA_ADDRESS]);
	a->peer = value_inaddr(ifa->ifa_family, tb[IFA_ADDRESS]);
	if (inaddr_equal(&a->local, &a->peer))
		a->peer = (struct inaddr){0};
	a->broadcast = value_inaddr(ifa->ifa_family, tb[IFA_BROADCAST]);
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
	int family;
	addr_fn *fn;
	void *arg;
};

/* Asked for a family that it does not have, a kernel tells of all. */
static void each_address(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct address a;

	if (read_address(h, &a) && a.local.family == each->family)
		each->fn(&a, each->arg);
}

static int dump(struct netlink *nl, int family, addr_fn *fn, void *arg, struct err *e)
{
	struct ifaddrmsg ifa = { .ifa_family = (unsigned char)family };
	struct each each = { family, fn, arg };

	return netlink_dump(nl, netlink_message(RTM_GETADDR, 0, &ifa, sizeof(ifa)), "addresses", each_address, &each,
			    e);
}

int addr_each(struct netlink *nl, addr_fn *fn, void *arg, struct err *e)
{
	return dump(nl, AF_INET, fn, arg, e) || dump(nl, AF_INET6, fn, arg, e) ? -1 : 0;
}

/* Those that are set, and not found out. */
#define FLAGS (IFA_F_NODAD | IFA_F_HOMEADDRESS | IFA_F_MANAGETEMPADDR | IFA_F_NOPREFIXROUTE | IFA_F_MCAUTOJOIN)

static int put_times(struct nl_msg *msg, const struct address *a)
{
	struct ifa_cacheinfo ci = { .ifa_valid = a->valid, .ifa_prefered = a->preferred };

	if ((a->valid == UINT32_MAX && a->preferred == UINT32_MAX) || (!a->valid && !a->preferred))
		return 0;
	return nla_put(msg, IFA_CACHEINFO, sizeof(ci), &ci);
}

/* NULL: no memory. */
static struct nl_msg *build(const struct address *a, int type, int flags)
{
	struct ifaddrmsg ifa = {
		.ifa_family = (unsigned char)a->local.family,
		.ifa_prefixlen = a->prefix_len,
		.ifa_index = (unsigned int)a->index,
		.ifa_scope = a->scope,
	};
	int len = (int)inaddr_len(a->local.family);
	struct nl_msg *msg = netlink_message(type, flags, &ifa, sizeof(ifa));

	return netlink_whole(msg, msg && !nla_put(msg, IFA_LOCAL, len, a->local.bytes) &&
					  !nla_put(msg, IFA_ADDRESS, len, a->peer.family ? a->peer.bytes : a->local.bytes) &&
					  (!a->broadcast.family || !nla_put(msg, IFA_BROADCAST, 4, a->broadcast.bytes)) &&
					  (!*a->label || !nla_put_string(msg, IFA_LABEL, a->label)) &&
					  (!(a->flags & FLAGS) || !nla_put_u32(msg, IFA_FLAGS, a->flags & FLAGS)) &&
					  !put_times(msg, a));
}

static int change(struct netlink *nl, const struct address *a, int type, int flags, struct err *e)
{
	char what[INADDR_TEXT + 8], text[INADDR_TEXT];

	snprintf(what, sizeof(what), "%s/%u", inaddr_text(&a->local, text), a->prefix_len);
	return netlink_request(nl, build(a, type, flags), what, NULL, NULL, e);
}

int addr_add(struct netlink *nl, const struct address *a, struct err *e)
{
	return change(nl, a, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, e);
}

static void find_peer(const struct address *a, void *arg)
{
	struct address *wanted = arg;

	if (a->index == wanted->index && a->prefix_len == wanted->prefix_len && inaddr_equal(&a->local, &wanted->local))
		wanted->peer = a->peer;
}

int addr_del(struct netlink *nl, const struct address *a, struct err *e)
{
	struct address with_peer = *a;
	struct err ignored;

	if (!change(nl, a, RTM_DELADDR, 0, e))
		return 0;
	/* An IPv4 one is found only by its peer, too. */
	if (e->errnum != EADDRNOTAVAIL || addr_each(nl, find_peer, &with_peer, &ignored) || !with_peer.peer.family)
		return -1;
	return change(nl, &with_peer, RTM_DELADDR, 0, e);
}
