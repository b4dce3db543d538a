/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Listening sockets, by sock_diag: see diag.h. */
#include "kernel/diag.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <netlink/msg.h>

#include "base/cleanup.h"
#include "kernel/netlink.h"

/* The kernel's numbers of states (net/tcp_states.h). An unconnected UDP socket is in CLOSE. */
#define STATE_CLOSE 7
#define STATE_LISTEN 10

struct search {
	uint16_t port; /* in network order */
	diag_fn *fn;
	void *arg;
};

static void on_socket(const struct nlmsghdr *h, void *arg)
{
	const struct search *s = arg;
	const struct inet_diag_msg *d = nlmsg_data(h);

	if (nlmsg_datalen(h) >= (int)sizeof(*d) && d->id.idiag_sport == s->port)
		s->fn(d->idiag_inode, s->arg);
}

static int dump(struct netlink *nl, int family, int protocol, struct search *s, struct err *e)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = (unsigned char)family,
		.sdiag_protocol = (unsigned char)protocol,
		.idiag_states = 1u << (protocol == IPPROTO_TCP ? STATE_LISTEN : STATE_CLOSE),
		.id.idiag_sport = s->port, /* TCP looks only at these */
	};

	return netlink_dump(nl, netlink_message(SOCK_DIAG_BY_FAMILY, 0, &req, sizeof(req)), "sock_diag", on_socket,
			    s, e);
}

int diag_listening(int protocol, uint16_t port, diag_fn *fn, void *arg, struct err *e)
{
	struct search s = { htons(port), fn, arg };
	own(netlink) struct netlink *nl = netlink_open_for(NETLINK_SOCK_DIAG, e);

	if (nl && !dump(nl, AF_INET, protocol, &s, e) && !dump(nl, AF_INET6, protocol, &s, e))
		return 0;
	if (e->kind == ERR_KERNEL || e->errnum == EPROTONOSUPPORT) /* it has no sock_diag, or none for this protocol */
		e->kind = ERR_FEATURE;
	return -1;
}
