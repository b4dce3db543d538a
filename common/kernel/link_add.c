/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New interfaces by rtnetlink: see link.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>

#include "kernel/kind.h"
#include "kernel/link_put.h"

int link_put(struct nl_msg *msg, int index, const struct link_change *c)
{
	const struct {
		unsigned int bit, flag;
		bool on;
	} flags[] = { { LINK_UP, IFF_UP, c->up },
		      { LINK_MULTICAST, IFF_MULTICAST, c->multicast },
		      { LINK_ARP, IFF_NOARP, !c->arp } };
	struct ifinfomsg ifi = { .ifi_index = index };

	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (c->set & flags[i].bit) {
			ifi.ifi_change |= flags[i].flag;
			ifi.ifi_flags |= flags[i].on ? flags[i].flag : 0;
		}
	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) ||
	    (c->set & LINK_NAME && nla_put_string(msg, IFLA_IFNAME, c->name)) ||
	    (c->set & LINK_MTU && nla_put_u32(msg, IFLA_MTU, c->mtu)) ||
	    (c->set & LINK_LLADDR && nla_put(msg, IFLA_ADDRESS, c->lladdr.len, c->lladdr.bytes)) ||
	    (c->set & LINK_BROADCAST && nla_put(msg, IFLA_BROADCAST, c->broadcast.len, c->broadcast.bytes)) ||
	    (c->set & LINK_MASTER && nla_put_s32(msg, IFLA_MASTER, c->master)))
		return -1;
	return 0;
}

/* Of a new one. */
static void set_name(struct link_change *c, const char *name)
{
	c->set |= LINK_NAME;
	snprintf(c->name, sizeof(c->name), "%s", name);
}

static int put_end(struct nl_msg *msg, const struct veth_end *end, int index, struct link_change c)
{
	set_name(&c, end->name);
	if (end->lladdr) {
		c.set |= LINK_LLADDR;
		c.lladdr = *end->lladdr;
	}
	return link_put(msg, index, &c);
}

/* Within it the peer is described as is the interface itself; its flags: the kernel refuses IFF_UP here. */
static bool put_peer(struct nl_msg *msg, const struct veth_end *peer, int index, int pid)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data, *end;

	if (!info || nla_put_string(msg, IFLA_INFO_KIND, "veth"))
		return false;
	data = nla_nest_start(msg, IFLA_INFO_DATA);
	end = data ? nla_nest_start(msg, VETH_INFO_PEER) : NULL;
	if (!end || put_end(msg, peer, index, (struct link_change){0}) || nla_put_s32(msg, IFLA_NET_NS_PID, pid))
		return false;
	nla_nest_end(msg, end);
	nla_nest_end(msg, data);
	nla_nest_end(msg, info);
	return true;
}

static int add_veth(struct netlink *nl, const struct veth_end *own, int master,
		    const struct veth_end *peer, int peer_pid, bool indexes, struct err *e)
{
	struct link_change how = { .set = LINK_UP | (master ? LINK_MASTER : 0), .up = true, .master = master };
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	msg = netlink_whole(msg, msg && !put_end(msg, own, indexes ? own->index : 0, how) &&
					 put_peer(msg, peer, indexes ? peer->index : 0, peer_pid));
	return netlink_request(nl, msg, own->name, NULL, NULL, e);
}

int link_add_veth(struct netlink *nl, const struct veth_end *own, int master,
		  const struct veth_end *peer, int peer_pid, struct err *e)
{
	bool indexes = own->index && peer->index;

	if (!add_veth(nl, own, master, peer, peer_pid, indexes, e))
		return 0;
	/* It may be an index that is taken. */
	if (!indexes || (e->errnum != EBUSY && e->errnum != EEXIST))
		return -1;
	return add_veth(nl, own, master, peer, peer_pid, false, e);
}

int link_add(struct netlink *nl, const char *name, const char *kind, int link,
	     const struct link_change *how, struct err *e)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);
	struct link_change c = *how;

	set_name(&c, name);
	msg = netlink_whole(msg, msg && !link_put(msg, 0, &c) &&
					 (!link || !nla_put_s32(msg, IFLA_LINK, link)) &&
					 !kind_put(msg, kind, &how->data));
	if (!netlink_request(nl, msg, name, NULL, NULL, e))
		return 0;
	if (e->kind == ERR_FEATURE)
		return err_set(e, ERR_FEATURE, e->errnum, "%s: this kernel makes no interfaces of type %s%s (module %s)",
			       name, kind, how->set & LINK_DATA ? ", or not with these words" : "",
			       strcmp(kind, "vlan") ? kind : "8021q");
	return -1;
}
