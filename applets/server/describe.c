/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the kernel has, as plain data: see describe.h. */
#include "describe.h"

#include <linux/if_addr.h>
#include <linux/if_arp.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

/* linux/if.h has these, and may not be included beside net/if.h. */
#define FLAG_LOWER_UP 0x10000
#define FLAG_DORMANT 0x20000
#define FLAG_ECHO 0x40000

#include "kernel/kind.h"
#include "kernel/link.h"
#include "wire/pickle.h"

static void keep(const struct iface *i, void *all)
{
	buf_add(all, i, sizeof(*i));
}

int ifaces_read(struct ifaces *all, struct netlink *nl, struct err *e)
{
	struct buf b = {0};
	int rc;

	buf_room(&b, 16 * sizeof(*all->v)); /* at once: libc would keep smaller ones that are outgrown */
	rc = link_each(nl, keep, &b, e);
	all->v = (void *)b.data;
	all->n = b.len / sizeof(*all->v);
	return rc ? -1 : b.failed ? err_nomem(e) : 0;
}

static const struct iface *find(const struct ifaces *all, int index)
{
	for (size_t i = 0; i < all->n; i++)
		if (all->v[i].index == index)
			return &all->v[i];
	return NULL;
}

/* below: what it stands on, or its peer; NULL: nothing that is known here. */
static void put_flags(struct buf *b, unsigned int flags, const struct iface *below)
{
	/* In the order of iproute2. */
	static const struct {
		unsigned int flag;
		const char *name;
	} names[] = {
		{ IFF_LOOPBACK, "LOOPBACK" },	 { IFF_BROADCAST, "BROADCAST" },
		{ IFF_POINTOPOINT, "POINTOPOINT" }, { IFF_MULTICAST, "MULTICAST" },
		{ IFF_NOARP, "NOARP" },		 { IFF_ALLMULTI, "ALLMULTI" },
		{ IFF_PROMISC, "PROMISC" },	 { IFF_MASTER, "MASTER" },
		{ IFF_SLAVE, "SLAVE" },		 { IFF_DEBUG, "DEBUG" },
		{ IFF_DYNAMIC, "DYNAMIC" },	 { IFF_AUTOMEDIA, "AUTOMEDIA" },
		{ IFF_PORTSEL, "PORTSEL" },	 { IFF_NOTRAILERS, "NOTRAILERS" },
		{ IFF_UP, "UP" },		 { FLAG_LOWER_UP, "LOWER_UP" },
		{ FLAG_DORMANT, "DORMANT" },	 { FLAG_ECHO, "ECHO" },
	};

	pickle_str(b, "flags");
	pickle_list(b);
	if (flags & IFF_UP && !(flags & IFF_RUNNING))
		pickle_str(b, "NO-CARRIER");
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (flags & names[i].flag)
			pickle_str(b, names[i].name);
	if (below && !(below->flags & IFF_UP))
		pickle_str(b, "M-DOWN");
	pickle_list_end(b);
}

static const char *link_type(unsigned short arptype)
{
	return arptype == ARPHRD_ETHER	    ? "ether"
	       : arptype == ARPHRD_LOOPBACK ? "loopback"
	       : arptype == ARPHRD_NONE	    ? "none"
					    : "other";
}

/* As ip(8) calls it. */
static const char *address_key(const struct kind_word *w, const struct inaddr *a)
{
	bool v6 = a->family == AF_INET6;

	if (!strcmp(w->word, "remote") && inaddr_is_multicast(a))
		return v6 ? "group6" : "group";
	return v6 ? w->json6 : w->json;
}

static void put_kind_value(struct buf *b, const struct kind_value *v, const struct iface *i,
			   const struct ifaces *all)
{
	const struct kind_word *w = v->word;
	const struct iface *other;
	char text[INADDR_TEXT];
	const char *name;

	switch (w->form) {
	case KIND_TRUTH:
		pickle_set_bool(b, w->json, v->num);
		break;
	case KIND_CLOCK:
		pickle_set_int(b, w->json, v->num / 10);
		break;
	case KIND_NAME:
		name = kind_name_of(w, v->num);
		pickle_set_str(b, w->json, name ? name : "unknown");
		break;
	case KIND_ADDRESS:
		pickle_set_str(b, address_key(w, &v->addr), inaddr_text(&v->addr, text));
		break;
	case KIND_LINK:
		other = i->has_netnsid ? NULL : find(all, (int)v->num); /* the index is of that namespace */
		if (other)
			pickle_set_str(b, w->json, other->name);
		break;
	default:
		pickle_set_int(b, w->json, v->num);
	}
}

static void put_info_data(struct buf *b, const struct iface *i, const struct ifaces *all)
{
	if (!i->data.n)
		return;
	pickle_str(b, "info_data");
	pickle_dict(b);
	for (size_t k = 0; k < i->data.n; k++)
		put_kind_value(b, &i->data.v[k], i, all);
	pickle_dict_end(b);
}

void describe_iface(struct buf *b, const struct iface *i, const struct ifaces *all)
{
	static const char *const states[] = { "UNKNOWN", "NOTPRESENT", "DOWN", "LOWERLAYERDOWN",
					      "TESTING", "DORMANT",    "UP" };
	const struct iface *below = i->has_netnsid ? NULL : find(all, i->link), *master;
	char text[LLADDR_TEXT], group[16] = "default";

	pickle_set_int(b, "ifindex", i->index);
	if (below)
		pickle_set_str(b, "link", below->name);
	else if (i->link)
		pickle_set_int(b, "link_index", i->link);
	pickle_set_str(b, "ifname", i->name);
	put_flags(b, i->flags, below);
	pickle_set_int(b, "mtu", i->mtu);
	pickle_set_str(b, "qdisc", i->qdisc);
	master = find(all, i->master);
	if (master)
		pickle_set_str(b, "master", master->name);
	pickle_set_str(b, "operstate", i->operstate < 7 ? states[i->operstate] : "UNKNOWN");
	pickle_set_str(b, "linkmode", i->linkmode ? "DORMANT" : "DEFAULT");
	if (i->group)
		snprintf(group, sizeof(group), "%u", i->group);
	pickle_set_str(b, "group", group);
	if (i->txqlen)
		pickle_set_int(b, "txqlen", i->txqlen);
	pickle_set_str(b, "link_type", link_type(i->arptype));
	if (i->lladdr.len)
		pickle_set_str(b, "address", lladdr_text(&i->lladdr, text));
	if (i->broadcast.len)
		pickle_set_str(b, "broadcast", lladdr_text(&i->broadcast, text));
	if (i->has_netnsid)
		pickle_set_int(b, "link_netnsid", i->netnsid);
	if (i->kind[0]) {
		pickle_str(b, "linkinfo");
		pickle_dict(b);
		pickle_set_str(b, "info_kind", i->kind);
		put_info_data(b, i, all);
		pickle_dict_end(b);
	}
}

/* A name of a scope or a protocol, as ip(8) has it; else the number. */
struct number_name {
	unsigned char number;
	const char *name;
};

#define NUMBER_TEXT 4

static const char *name_of(const struct number_name *names, unsigned char number, char *text)
{
	for (; names->name; names++)
		if (names->number == number)
			return names->name;
	snprintf(text, NUMBER_TEXT, "%u", number);
	return text;
}

static const struct number_name scopes[] = {
	{ RT_SCOPE_UNIVERSE, "global" }, { RT_SCOPE_SITE, "site" },	  { RT_SCOPE_LINK, "link" },
	{ RT_SCOPE_HOST, "host" },	 { RT_SCOPE_NOWHERE, "nowhere" }, { 0 },
};

void describe_address(struct buf *b, const struct address *a)
{
	static const struct {
		uint32_t flag;
		const char *name;
	} flags[] = { { IFA_F_SECONDARY, "secondary" },	  { IFA_F_TENTATIVE, "tentative" },
		      { IFA_F_DEPRECATED, "deprecated" }, { IFA_F_DADFAILED, "dadfailed" },
		      { IFA_F_NODAD, "nodad" },		  { IFA_F_NOPREFIXROUTE, "noprefixroute" },
		      { IFA_F_MANAGETEMPADDR, "mngtmpaddr" }, { IFA_F_HOMEADDRESS, "home" },
		      { IFA_F_MCAUTOJOIN, "autojoin" } };
	char text[INADDR_TEXT], number[NUMBER_TEXT];
	bool v6 = a->local.family == AF_INET6;

	pickle_dict(b);
	pickle_set_str(b, "family", v6 ? "inet6" : "inet");
	pickle_set_str(b, "local", inaddr_text(&a->local, text));
	if (a->peer.family)
		pickle_set_str(b, "address", inaddr_text(&a->peer, text));
	pickle_set_int(b, "prefixlen", a->prefix_len);
	if (a->broadcast.family)
		pickle_set_str(b, "broadcast", inaddr_text(&a->broadcast, text));
	pickle_set_str(b, "scope", name_of(scopes, a->scope, number));
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (a->flags & flags[i].flag && !(v6 && flags[i].flag == IFA_F_SECONDARY))
			pickle_set_bool(b, flags[i].name, true);
	if (a->label[0])
		pickle_set_str(b, "label", a->label);
	pickle_set_int(b, "valid_life_time", a->valid);
	pickle_set_int(b, "preferred_life_time", a->preferred);
	pickle_dict_end(b);
}

/* Those of iproute2's rt_protos. */
static const struct number_name protocols[] = {
	{ RTPROT_UNSPEC, "unspec" },	 { RTPROT_REDIRECT, "redirect" }, { RTPROT_KERNEL, "kernel" },
	{ RTPROT_BOOT, "boot" },	 { RTPROT_STATIC, "static" },	  { RTPROT_GATED, "gated" },
	{ RTPROT_RA, "ra" },		 { RTPROT_MRT, "mrt" },		  { RTPROT_ZEBRA, "zebra" },
	{ RTPROT_BIRD, "bird" },	 { RTPROT_DNROUTED, "dnrouted" }, { RTPROT_XORP, "xorp" },
	{ RTPROT_NTK, "ntk" },		 { RTPROT_DHCP, "dhcp" },	  { RTPROT_KEEPALIVED, "keepalived" },
	{ RTPROT_BABEL, "babel" },	 { RTPROT_OPENR, "openr" },	  { RTPROT_BGP, "bgp" },
	{ RTPROT_ISIS, "isis" },	 { RTPROT_OSPF, "ospf" },	  { RTPROT_RIP, "rip" },
	{ RTPROT_EIGRP, "eigrp" },	 { 0 },
};

static void put_route_flags(struct buf *b, unsigned int flags)
{
	pickle_str(b, "flags");
	pickle_list(b);
	if (flags & RTNH_F_DEAD)
		pickle_str(b, "dead");
	if (flags & RTNH_F_ONLINK)
		pickle_str(b, "onlink");
	if (flags & RTNH_F_LINKDOWN)
		pickle_str(b, "linkdown");
	pickle_list_end(b);
}

void describe_route(struct buf *b, const struct route *r, const struct ifaces *all)
{
	const struct iface *dev = find(all, r->index);
	char text[INADDR_TEXT], dst[INADDR_TEXT + 8] = "default", number[NUMBER_TEXT];
	const char *type = route_type_name(r->type);

	if (r->dst.family && r->prefix_len == inaddr_len(r->family) * 8)
		snprintf(dst, sizeof(dst), "%s", inaddr_text(&r->dst, text));
	else if (r->dst.family)
		snprintf(dst, sizeof(dst), "%s/%u", inaddr_text(&r->dst, text), r->prefix_len);
	pickle_dict(b);
	pickle_set_str(b, "family", r->family == AF_INET6 ? "inet6" : "inet");
	if (r->type != RTN_UNICAST)
		pickle_set_str(b, "type", type ? type : "unknown");
	pickle_set_str(b, "dst", dst);
	if (r->gateway.family)
		pickle_set_str(b, "gateway", inaddr_text(&r->gateway, text));
	if (dev)
		pickle_set_str(b, "dev", dev->name);
	if (r->protocol != RTPROT_BOOT) /* as ip(8) does */
		pickle_set_str(b, "protocol", name_of(protocols, r->protocol, number));
	if (r->family == AF_INET && r->scope != RT_SCOPE_UNIVERSE)
		pickle_set_str(b, "scope", name_of(scopes, r->scope, number));
	if (r->prefsrc.family)
		pickle_set_str(b, "prefsrc", inaddr_text(&r->prefsrc, text));
	if (r->metric)
		pickle_set_int(b, "metric", r->metric);
	put_route_flags(b, r->flags);
	pickle_dict_end(b);
}
