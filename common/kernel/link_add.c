/* SPDX-License-Identifier: GPL-2.0-or-later */
/* New interfaces by rtnetlink: see link.h. */
#include <errno.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/route/link.h>
#include <netlink/route/link/veth.h>
#include <string.h>

#include "kernel/kind.h"
#include "kernel/link.h"
#include "kernel/values.h"

static int add_veth(struct netlink *nl, const struct veth_end *own, int master,
		    const struct veth_end *peer_end, int peer_pid, bool indexes, struct err *e)
{
	struct rtnl_link *l = rtnl_link_veth_alloc(), *peer;
	struct nl_msg *msg = NULL;
	int code = -NLE_NOMEM;

	if (!l)
		return err_nomem(e);
	peer = rtnl_link_veth_get_peer(l); /* a reference of ours */
	if (indexes) {
		rtnl_link_set_ifindex(l, own->index);
		rtnl_link_set_ifindex(peer, peer_end->index);
	}
	rtnl_link_set_name(l, own->name);
	rtnl_link_set_flags(l, IFF_UP);
	if (master)
		rtnl_link_set_master(l, master);
	rtnl_link_set_name(peer, peer_end->name);
	rtnl_link_set_ns_pid(peer, peer_pid); /* its flags: the kernel refuses IFF_UP here */
	if ((!own->lladdr || value_set_lladdr(l, own->lladdr, rtnl_link_set_addr)) &&
	    (!peer_end->lladdr || value_set_lladdr(peer, peer_end->lladdr, rtnl_link_set_addr)))
		code = rtnl_link_build_add_request(l, NLM_F_CREATE | NLM_F_EXCL, &msg);
	rtnl_link_put(peer);
	rtnl_link_put(l);
	if (code < 0)
		return netlink_build_error(code, own->name, e);
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

/* libnl has a type of its own for each kind, and for some of them none: all of them are put by
 * the table of kind.c instead. */
static int put_new(struct nl_msg *msg, const char *name, const char *kind, int link,
		   const struct link_change *how)
{
	struct ifinfomsg ifi = {
		.ifi_flags = how->set & LINK_UP && how->up ? IFF_UP : 0,
		.ifi_change = how->set & LINK_UP ? IFF_UP : 0,
	};

	if (nlmsg_append(msg, &ifi, sizeof(ifi), NLMSG_ALIGNTO) < 0 ||
	    nla_put_string(msg, IFLA_IFNAME, name) < 0)
		return -1;
	if (how->set & LINK_MTU && nla_put_u32(msg, IFLA_MTU, how->mtu) < 0)
		return -1;
	if (how->set & LINK_LLADDR &&
	    nla_put(msg, IFLA_ADDRESS, how->lladdr.len, how->lladdr.bytes) < 0)
		return -1;
	if (how->set & LINK_MASTER && nla_put_u32(msg, IFLA_MASTER, (uint32_t)how->master) < 0)
		return -1;
	if (link && nla_put_u32(msg, IFLA_LINK, (uint32_t)link) < 0)
		return -1;
	return kind_put(msg, kind, &how->data);
}

int link_add(struct netlink *nl, const char *name, const char *kind, int link,
	     const struct link_change *how, struct err *e)
{
	struct nl_msg *msg = nlmsg_alloc_simple(RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL);

	if (msg && put_new(msg, name, kind, link, how)) {
		nlmsg_free(msg);
		msg = NULL;
	}
	if (!netlink_request(nl, msg, name, NULL, NULL, e))
		return 0;
	if (e->kind == ERR_FEATURE)
		return err_set(e, ERR_FEATURE, e->errnum, "%s: this kernel makes no interfaces of type %s%s (module %s)",
			       name, kind, how->set & LINK_DATA ? ", or not with these words" : "",
			       strcmp(kind, "vlan") ? kind : "8021q");
	return -1;
}
