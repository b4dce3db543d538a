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
#include <netlink/netlink.h>
#include <netlink/socket.h>

/* The kernel's numbers of states (net/tcp_states.h). An unconnected UDP socket is in CLOSE. */
#define STATE_CLOSE 7
#define STATE_LISTEN 10

struct search {
	uint16_t port; /* in network order */
	diag_fn *fn;
	void *arg;
};

static int on_socket(struct nl_msg *msg, void *arg)
{
	const struct search *s = arg;
	const struct inet_diag_msg *d = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(*d) && d->id.idiag_sport == s->port)
		s->fn(d->idiag_inode, s->arg);
	return NL_OK;
}

static int dump(struct nl_sock *sock, int family, int protocol, const struct search *s)
{
	struct inet_diag_req_v2 req = {
		.sdiag_family = (unsigned char)family,
		.sdiag_protocol = (unsigned char)protocol,
		.idiag_states = 1u << (protocol == IPPROTO_TCP ? STATE_LISTEN : STATE_CLOSE),
		.id.idiag_sport = s->port, /* TCP looks only at these */
	};
	int code = nl_send_simple(sock, SOCK_DIAG_BY_FAMILY, NLM_F_DUMP, &req, sizeof(req));

	return code < 0 ? code : nl_recvmsgs_default(sock);
}

int diag_listening(int protocol, uint16_t port, diag_fn *fn, void *arg, struct err *e)
{
	struct search s = { htons(port), fn, arg };
	struct nl_sock *sock = nl_socket_alloc();
	int code;

	if (!sock)
		return err_nomem(e);
	code = nl_connect(sock, NETLINK_SOCK_DIAG);
	nl_socket_disable_msg_peek(sock);
	nl_socket_set_msg_buf_size(sock, 32768);
	nl_socket_modify_cb(sock, NL_CB_VALID, NL_CB_CUSTOM, on_socket, &s);
	if (code >= 0)
		code = dump(sock, AF_INET, protocol, &s);
	if (code >= 0 || code == -NLE_DUMP_INTR)
		code = dump(sock, AF_INET6, protocol, &s);
	nl_socket_free(sock);
	if (code < 0 && code != -NLE_DUMP_INTR)
		return err_set(e, ERR_FEATURE, 0, "sock_diag: %s", nl_geterror(code));
	return 0;
}
