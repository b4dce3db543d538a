/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces by rtnetlink: see link.h. */
#include "kernel/link.h"

#include <errno.h>
#include <linux/if_link.h>
#include <linux/net_namespace.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "kernel/kind.h"
#include "kernel/link_put.h"
#include "kernel/values.h"

static int read_int(struct nlattr *const *tb, int type)
{
	return tb[type] ? (int)nla_get_u32(tb[type]) : 0;
}

static bool read_link(const struct nlmsghdr *h, struct iface *i)
{
	const struct ifinfomsg *ifi = nlmsg_data(h);
	struct nlattr *tb[IFLA_MAX + 1], *info[IFLA_INFO_MAX + 1];

	*i = (struct iface){0};
	if (h->nlmsg_type != RTM_NEWLINK ||
	    nlmsg_parse((struct nlmsghdr *)(uintptr_t)h, sizeof(*ifi), tb, IFLA_MAX, NULL) < 0 ||
	    !tb[IFLA_IFNAME])
		return false;
	i->index = ifi->ifi_index;
	i->flags = ifi->ifi_flags;
	i->arptype = ifi->ifi_type;
	nla_strlcpy(i->name, tb[IFLA_IFNAME], sizeof(i->name));
	if (tb[IFLA_QDISC])
		nla_strlcpy(i->qdisc, tb[IFLA_QDISC], sizeof(i->qdisc));
	i->lladdr = value_lladdr(tb[IFLA_ADDRESS]);
	i->broadcast = value_lladdr(tb[IFLA_BROADCAST]);
	i->mtu = (uint32_t)read_int(tb, IFLA_MTU);
	i->link = read_int(tb, IFLA_LINK);
	i->has_netnsid = tb[IFLA_LINK_NETNSID] != NULL;
	i->netnsid = read_int(tb, IFLA_LINK_NETNSID);
	i->master = read_int(tb, IFLA_MASTER);
	i->group = (uint32_t)read_int(tb, IFLA_GROUP);
	i->txqlen = (uint32_t)read_int(tb, IFLA_TXQLEN);
	if (tb[IFLA_OPERSTATE])
		i->operstate = nla_get_u8(tb[IFLA_OPERSTATE]);
	if (tb[IFLA_LINKMODE])
		i->linkmode = nla_get_u8(tb[IFLA_LINKMODE]);
	if (tb[IFLA_LINKINFO] &&
	    !nla_parse_nested(info, IFLA_INFO_MAX, tb[IFLA_LINKINFO], NULL) &&
	    info[IFLA_INFO_KIND])
		nla_strlcpy(i->kind, info[IFLA_INFO_KIND], sizeof(i->kind));
	if (i->kind[0] && info[IFLA_INFO_DATA])
		kind_read(&i->data, i->kind, info[IFLA_INFO_DATA]);
	return true;
}

/* A request about one interface; index 0: none is named. */
static struct nl_msg *about(int type, int index)
{
	struct ifinfomsg ifi = { .ifi_index = index };

	return netlink_message(type, 0, &ifi, sizeof(ifi));
}

/* With the statistics left out. */
static struct nl_msg *get_request(int index, const char *name)
{
	struct nl_msg *msg = about(RTM_GETLINK, index);

	return netlink_whole(msg, msg && !nla_put_u32(msg, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS) &&
					  (!name || !nla_put_string(msg, IFLA_IFNAME, name)));
}

struct each {
	link_fn *fn;
	void *arg;
};

static void each_link(const struct nlmsghdr *h, void *arg)
{
	const struct each *each = arg;
	struct iface i;

	if (read_link(h, &i))
		each->fn(&i, each->arg);
}

int link_each(struct netlink *nl, link_fn *fn, void *arg, struct err *e)
{
	struct each each = { fn, arg };

	return netlink_dump(nl, get_request(0, NULL), "interfaces", each_link, &each, e);
}

static void one_link(const struct nlmsghdr *h, void *arg)
{
	read_link(h, arg);
}

int link_get(struct netlink *nl, int index, struct iface *i, struct err *e)
{
	i->index = 0;
	if (index > 0 &&
	    netlink_request(nl, get_request(index, NULL), "interface", one_link, i, e) &&
	    e->errnum != ENODEV)
		return -1;
	if (i->index)
		return 0;
	err_set(e, ERR_ABSENT, ENODEV, "interface %d: no such interface", index);
	e->key = index;
	return -1;
}

int link_get_far(struct netlink *nl, int netnsid, int index, struct iface *i, struct err *e)
{
	struct nl_msg *msg = get_request(index, NULL);

	i->index = 0;
	msg = netlink_whole(msg, msg && !nla_put_s32(msg, IFLA_TARGET_NETNSID, netnsid));
	if (netlink_request(nl, msg, "interface", one_link, i, e))
		return -1;
	return i->index ? 0 : err_set(e, ERR_ABSENT, ENODEV, "interface %d: no such interface", index);
}

int link_by_name(struct netlink *nl, const char *name, struct iface *i, struct err *e)
{
	i->index = 0;
	if (netlink_request(nl, get_request(0, name), name, one_link, i, e)) {
		if (e->errnum == ENODEV)
			err_set(e, ERR_ABSENT, ENODEV, "%s: no such interface", name);
		return -1;
	}
	return 0;
}

/* Keeps of c only what differs from the interface as it is. */
static struct link_change difference(const struct link_change *c, const struct iface *i)
{
	struct link_change d = *c;
	int same = 0;

	same |= strcmp(c->name, i->name) ? 0 : LINK_NAME;
	same |= c->mtu == i->mtu ? LINK_MTU : 0;
	same |= lladdr_equal(&c->lladdr, &i->lladdr) ? LINK_LLADDR : 0;
	same |= lladdr_equal(&c->broadcast, &i->broadcast) ? LINK_BROADCAST : 0;
	same |= c->up == !!(i->flags & IFF_UP) ? LINK_UP : 0;
	same |= c->multicast == !!(i->flags & IFF_MULTICAST) ? LINK_MULTICAST : 0;
	same |= c->arp == !(i->flags & IFF_NOARP) ? LINK_ARP : 0;
	same |= c->master == i->master ? LINK_MASTER : 0;
	kind_difference(&d.data, &i->data);
	same |= d.data.n ? 0 : LINK_DATA;
	d.set &= (unsigned int)~same;
	return d;
}

/* The same attributes as in c, with the values that i has. */
static struct link_change inverse(const struct link_change *c, const struct iface *i)
{
	struct link_change d = {
		.set = c->set,
		.mtu = i->mtu,
		.lladdr = i->lladdr,
		.broadcast = i->broadcast,
		.up = i->flags & IFF_UP,
		.multicast = i->flags & IFF_MULTICAST,
		.arp = !(i->flags & IFF_NOARP),
		.master = i->master,
		.data = kind_former(&c->data, &i->data),
	};

	memcpy(d.name, i->name, sizeof(d.name));
	return d;
}

/* What an error is about; of what is a kind's own the kernel does not say which it means. */
static void name_changed(const struct iface *now, const struct link_change *c, char *what, size_t size)
{
	int len = snprintf(what, size, "%s", now->name);

	for (size_t i = 0; c->set & LINK_DATA && i < c->data.n && len < (int)size; i++)
		len += snprintf(what + len, size - (size_t)len, "%s %s", i ? "," : ":",
				c->data.v[i].word->word);
}

/* One request with all of c. The kernel may refuse it after having done a part. */
static int apply(struct netlink *nl, const struct iface *now, const struct link_change *c,
		 struct err *e)
{
	struct nl_msg *msg;
	char what[128];

	if (!c->set)
		return 0;
	msg = nlmsg_alloc_simple(RTM_NEWLINK, 0);
	msg = netlink_whole(msg, msg && !link_put(msg, now->index, c) &&
					 (!(c->set & LINK_DATA) || !kind_put(msg, now->kind, &c->data)));
	name_changed(now, c, what, sizeof(what));
	return netlink_request(nl, msg, what, NULL, NULL, e);
}

/* Some drivers take a link-layer address only while the device is down. */
static int apply_while_down(struct netlink *nl, const struct iface *now,
			    const struct link_change *c, struct err *e)
{
	struct link_change down = { .set = LINK_UP, .up = false }, rest = *c;

	if (apply(nl, now, &down, e))
		return -1;
	if (!(rest.set & LINK_UP)) {
		rest.set |= LINK_UP;
		rest.up = true;
	}
	return apply(nl, now, &rest, e);
}

static bool goes_down(const struct link_change *c)
{
	return c->set & LINK_UP && !c->up;
}

/* What cannot be taken back without a trace comes last, when all else is done: an MTU too small
 * for IPv6 takes its addresses away, going down the carrier for a moment, going up sets a qdisc. */
static int apply_in_order(struct netlink *nl, const struct iface *now, const struct link_change *c,
			  struct err *e)
{
	struct link_change first = *c, mtu = *c, up = *c;

	mtu.set = c->set & LINK_MTU;
	up.set = c->set & LINK_UP;
	first.set &= ~(unsigned int)(LINK_MTU | LINK_UP);
	if (apply(nl, now, &first, e) || apply(nl, now, &mtu, e))
		return -1;
	return apply(nl, now, &up, e);
}

/* The kernel reads as many bytes as it needs, of a broadcast address even none, and would take too many for right. */
static int check_lladdr(const struct iface *now, const struct link_change *c, struct err *e)
{
	unsigned int len = now->lladdr.len;

	if ((len && c->set & LINK_LLADDR && c->lladdr.len != len) ||
	    (c->set & LINK_BROADCAST && c->broadcast.len != len))
		return err_set(e, ERR_VALUE, 0, "%s: a link-layer address has %u bytes here",
			       now->name, len);
	return 0;
}

int link_change(struct netlink *nl, int index, const struct link_change *c, struct err *e)
{
	struct iface before, now;
	struct link_change todo, undo;
	struct err ignored;
	bool may_help;

	if (link_get(nl, index, &before, e))
		return -1;
	todo = difference(c, &before);
	if (check_lladdr(&before, &todo, e))
		return -1;
	if (!apply_in_order(nl, &before, &todo, e))
		return 0;
	may_help = todo.set & LINK_LLADDR || (todo.set & LINK_NAME && goes_down(&todo));
	if (e->errnum == EBUSY && may_help && before.flags & IFF_UP &&
	    !apply_while_down(nl, &before, &todo, e))
		return 0;
	todo.set |= LINK_UP;
	if (!link_get(nl, index, &now, &ignored)) {
		undo = inverse(&todo, &before);
		undo = difference(&undo, &now);
		if (apply(nl, &now, &undo, &ignored))
			err_prefix(e, "%s (not all of it could be taken back)", before.name);
	}
	return -1;
}

int link_change_back(struct netlink *nl, const struct link_change *c, const struct iface *before,
		     struct err *e)
{
	struct link_change undo = inverse(c, before);
	struct err ignored;

	if (link_change(nl, before->index, &undo, &ignored))
		err_prefix(e, "%s (not all of it could be taken back)", before->name);
	return -1;
}

int link_del(struct netlink *nl, int index, struct err *e)
{
	struct iface i;

	if (link_get(nl, index, &i, e))
		return -1;
	return netlink_request(nl, about(RTM_DELLINK, index), i.name, NULL, NULL, e);
}

#define DOOMED 0x6e656d75u /* a group: the kernel deletes all that is in it with one waiting for everybody's end */

static int group_request(struct netlink *nl, int type, int index, struct err *e)
{
	struct nl_msg *msg = about(type, index);

	msg = netlink_whole(msg, msg && !nla_put_u32(msg, IFLA_GROUP, DOOMED));
	return netlink_request(nl, msg, "links", NULL, NULL, e);
}

void link_del_all(struct netlink *nl, const int *indexes, size_t n)
{
	struct err ignored;
	bool grouped = n > 1;

	for (size_t i = 0; i < n && grouped; i++)
		grouped = !group_request(nl, RTM_SETLINK, indexes[i], &ignored) || ignored.errnum == ENODEV;
	if (grouped && !group_request(nl, RTM_DELLINK, 0, &ignored))
		return;
	for (size_t i = 0; i < n; i++)
		if (link_del(nl, indexes[i], &ignored))
			continue; /* it has gone, or there is no way */
}

/* where: IFLA_NET_NS_PID or IFLA_NET_NS_FD, and which. */
static int move(struct netlink *nl, int index, int where, int which, const char *name, struct err *e)
{
	struct nl_msg *msg;
	struct iface i;

	if (link_get(nl, index, &i, e))
		return -1;
	msg = about(RTM_NEWLINK, index);
	msg = netlink_whole(msg, msg && !nla_put_s32(msg, where, which) &&
					 (!name || !nla_put_string(msg, IFLA_IFNAME, name)));
	return netlink_request(nl, msg, i.name, NULL, NULL, e);
}

int link_move(struct netlink *nl, int index, int pid, struct err *e)
{
	return move(nl, index, IFLA_NET_NS_PID, pid, NULL, e);
}

int link_move_to(struct netlink *nl, int index, int ns_fd, const char *name, struct err *e)
{
	return move(nl, index, IFLA_NET_NS_FD, ns_fd, name, e);
}

int link_loopback_up(struct err *e)
{
	struct ifreq r = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	own(fd) int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || ioctl(fd, SIOCSIFFLAGS, &r))
		return err_os(e, errno, "loopback");
	return 0;
}

static void read_nsid(const struct nlmsghdr *h, void *arg)
{
	struct nlattr *a = nlmsg_find_attr((struct nlmsghdr *)(uintptr_t)h, sizeof(struct rtgenmsg),
					   NETNSA_NSID);

	if (h->nlmsg_type == RTM_NEWNSID && a)
		*(int *)arg = (int)nla_get_u32(a);
}

int link_netnsid(struct netlink *nl, int pid, int *id, struct err *e)
{
	struct rtgenmsg gen = { .rtgen_family = AF_UNSPEC };
	struct nl_msg *msg = netlink_message(RTM_GETNSID, 0, &gen, sizeof(gen));

	*id = -1;
	msg = netlink_whole(msg, msg && !nla_put_u32(msg, NETNSA_PID, (uint32_t)pid));
	return netlink_request(nl, msg, "namespace id", read_nsid, id, e);
}
