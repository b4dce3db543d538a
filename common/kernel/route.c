/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Routes of the main table by rtnetlink: see route.h. */
#include "kernel/route.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel/values.h"

struct each {
	int family;
	route_fn *fn;
	void *arg;
};

/* A gateway of another family than the route's (IPv4 by way of IPv6). */
static void read_via(struct inaddr *a, const struct nlattr *attr)
{
	const struct rtvia *via = nla_data(attr);
	int len = nla_len(attr) - (int)sizeof(*via);

	if (len != 4 && len != 16)
		return;
	a->family = via->rtvia_family;
	memcpy(a->bytes, via->rtvia_addr, (size_t)len);
}

static void each_hop(struct route *r, const struct nlattr *multipath, const struct each *each)
{
	const struct rtnexthop *nh = nla_data(multipath);
	int left = nla_len(multipath);

	while (left >= (int)sizeof(*nh) && nh->rtnh_len >= sizeof(*nh) && nh->rtnh_len <= left) {
		struct nlattr *tb[RTA_MAX + 1];
		int len = nh->rtnh_len - (int)sizeof(*nh);

		r->index = nh->rtnh_ifindex;
		r->flags = nh->rtnh_flags;
		r->gateway = (struct inaddr){0};
		if (nla_parse(tb, RTA_MAX, (void *)(uintptr_t)(nh + 1), len, NULL) >= 0) {
			r->gateway = value_inaddr(r->family, tb[RTA_GATEWAY]);
			if (tb[RTA_VIA])
				read_via(&r->gateway, tb[RTA_VIA]);
		}
		each->fn(r, each->arg);
		left -= (int)RTNH_ALIGN(nh->rtnh_len);
		nh = RTNH_NEXT(nh);
	}
}

/* Asked for a family that it does not have, a kernel tells of all. */
static void each_route(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	const struct rtmsg *rtm = nlmsg_data(h);
	struct nlattr *tb[RTA_MAX + 1];
	struct route r = {0};

	if (h->nlmsg_type != RTM_NEWROUTE ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*rtm), tb, RTA_MAX, NULL) < 0 ||
	    rtm->rtm_flags & RTM_F_CLONED || rtm->rtm_family != each->family)
		return;
	r.family = rtm->rtm_family;
	r.type = rtm->rtm_type;
	r.prefix_len = rtm->rtm_dst_len;
	r.protocol = rtm->rtm_protocol;
	r.scope = rtm->rtm_scope;
	r.flags = rtm->rtm_flags;
	r.table = tb[RTA_TABLE] ? nla_get_u32(tb[RTA_TABLE]) : rtm->rtm_table;
	if (r.table != RT_TABLE_MAIN)
		return;
	r.dst = value_inaddr(r.family, tb[RTA_DST]);
	r.gateway = value_inaddr(r.family, tb[RTA_GATEWAY]);
	r.prefsrc = value_inaddr(r.family, tb[RTA_PREFSRC]);
	if (tb[RTA_VIA])
		read_via(&r.gateway, tb[RTA_VIA]);
	r.index = tb[RTA_OIF] ? (int)nla_get_u32(tb[RTA_OIF]) : 0;
	r.metric = tb[RTA_PRIORITY] ? nla_get_u32(tb[RTA_PRIORITY]) : 0;
	if (tb[RTA_MULTIPATH])
		each_hop(&r, tb[RTA_MULTIPATH], each);
	else
		each->fn(&r, each->arg);
}

static int dump(struct netlink *nl, int family, route_fn *fn, void *arg, struct err *e)
{
	struct rtmsg rtm = { .rtm_family = (unsigned char)family };
	struct each each = { family, fn, arg };

	return netlink_dump(nl, netlink_message(RTM_GETROUTE, 0, &rtm, sizeof(rtm)), "routes", each_route, &each, e);
}

int route_each(struct netlink *nl, route_fn *fn, void *arg, struct err *e)
{
	return dump(nl, AF_INET, fn, arg, e) || dump(nl, AF_INET6, fn, arg, e) ? -1 : 0;
}

/* As "ip route add" chooses it. */
static uint8_t scope_of(const struct route *r)
{
	switch (r->type) {
	case RTN_UNICAST:
		return r->gateway.family ? RT_SCOPE_UNIVERSE : RT_SCOPE_LINK;
	case RTN_LOCAL:
	case RTN_NAT:
		return RT_SCOPE_HOST;
	case RTN_BROADCAST:
	case RTN_MULTICAST:
	case RTN_ANYCAST:
		return RT_SCOPE_LINK;
	default:
		return RT_SCOPE_UNIVERSE;
	}
}

/* NULL: no memory. */
static struct nl_msg *build(const struct route *r, bool add)
{
	struct rtmsg rtm = {
		.rtm_family = (unsigned char)r->family,
		.rtm_dst_len = r->prefix_len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_type = r->type,
		/* Whoever added it, and whatever scope it got: it is the one that is meant. */
		.rtm_protocol = add ? RTPROT_BOOT : RTPROT_UNSPEC, /* the former as by "ip route add" */
		.rtm_scope = add ? scope_of(r) : RT_SCOPE_NOWHERE,
	};
	int len = (int)inaddr_len(r->family);
	struct nl_msg *msg = netlink_message(add ? RTM_NEWROUTE : RTM_DELROUTE,
					     add ? NLM_F_CREATE | NLM_F_EXCL : 0, &rtm, sizeof(rtm));

	return netlink_whole(msg, msg && (!r->dst.family || !nla_put(msg, RTA_DST, len, r->dst.bytes)) &&
					  (!r->gateway.family || !nla_put(msg, RTA_GATEWAY, len, r->gateway.bytes)) &&
					  (!r->metric || !nla_put_u32(msg, RTA_PRIORITY, r->metric)) &&
					  (!r->index || !nla_put_s32(msg, RTA_OIF, r->index)));
}

#define NAME_TEXT (INADDR_TEXT + 8)

static const char *name_of(const struct route *r, char *buf)
{
	char text[INADDR_TEXT];

	if (r->dst.family)
		snprintf(buf, NAME_TEXT, "%s/%u", inaddr_text(&r->dst, text), r->prefix_len);
	else
		snprintf(buf, NAME_TEXT, "default");
	return buf;
}

static int change(struct netlink *nl, const struct route *r, bool add, struct err *e)
{
	char what[NAME_TEXT];

	return netlink_request(nl, build(r, add), name_of(r, what), NULL, NULL, e);
}

int route_add(struct netlink *nl, const struct route *r, struct err *e)
{
	return change(nl, r, true, e);
}

/* The routes that fit but for the type. */
struct fitting {
	const struct route *wanted;
	bool found, other; /* one of the type that is wanted, one of another */
	uint32_t metric;   /* of the first that was found */
};

/* What is behind the prefix the kernel cuts off. */
static bool same_prefix(const struct route *a, const struct route *b)
{
	for (int bit = 0; bit < a->prefix_len && a->prefix_len == b->prefix_len; bit++)
		if ((a->dst.bytes[bit / 8] ^ b->dst.bytes[bit / 8]) & 0x80 >> bit % 8)
			return false;
	return a->prefix_len == b->prefix_len;
}

static void see_if_it_fits(const struct route *r, void *arg)
{
	struct fitting *f = arg;
	const struct route *w = f->wanted;

	if (!same_prefix(r, w) || (w->gateway.family && !inaddr_equal(&r->gateway, &w->gateway)) ||
	    (w->index && r->index != w->index) || (w->metric && r->metric != w->metric))
		return;
	if (r->type != w->type) {
		f->other = true;
	} else if (!f->found) {
		f->found = true;
		f->metric = r->metric;
	}
}

/* With IPv6 the kernel does not look at the type; but only those of type unicast lead through an interface. */
static bool may_hit_another(const struct route *r)
{
	return r->family == AF_INET6 && (r->type != RTN_UNICAST || (!r->index && !r->gateway.family));
}

int route_del(struct netlink *nl, const struct route *r, struct err *e)
{
	struct route exact = *r;
	struct fitting f = { .wanted = r };
	char what[NAME_TEXT];

	if (may_hit_another(r) && dump(nl, AF_INET6, see_if_it_fits, &f, e))
		return -1;
	if (f.other && !f.found)
		return err_set(e, ERR_KERNEL, ESRCH, "%s: %s", name_of(r, what), strerror(ESRCH));
	if (f.other)
		exact.metric = f.metric;
	return change(nl, &exact, false, e);
}
