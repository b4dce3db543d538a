/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One rtnetlink socket: see netlink.h. */
#include "kernel/netlink.h"

#include <errno.h>
#include <linux/netlink.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <netlink/socket.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define DUMP_ROOM 16384 /* enough for most; and goes back to the kernel, where libc would keep smaller ones */
#define DUMPS_MAX 8 /* of one dump, as long as changes disturb it; then what was read must do */

struct netlink {
	struct nl_sock *sock;
	/* of the request under way: */
	netlink_fn *fn;
	void *arg;
	int errnum;
	char ext[256]; /* the kernel's extended text, "" */
	bool done;
	bool broken;
	int protocol;
};

/* Takes the text out of an error's attributes (NLM_F_ACK_TLVS). With NETLINK_CAP_ACK the
 * request is not repeated, so they follow the struct nlmsgerr at once. */
static void keep_ext_text(struct netlink *nl, const struct nlmsgerr *ne)
{
	const struct nlmsghdr *h = (const void *)((const char *)ne - NLMSG_HDRLEN);
	struct nlattr *msg;
	int len = (int)h->nlmsg_len - NLMSG_HDRLEN - (int)sizeof(*ne);

	if (!(h->nlmsg_flags & NLM_F_ACK_TLVS) || len <= 0)
		return;
	if (!(h->nlmsg_flags & NLM_F_CAPPED)) {
		int body = (int)NLMSG_ALIGN(ne->msg.nlmsg_len) - NLMSG_HDRLEN;

		msg = nla_find((void *)((char *)(uintptr_t)(ne + 1) + body), len - body,
			       NLMSGERR_ATTR_MSG);
	} else {
		msg = nla_find((void *)(uintptr_t)(ne + 1), len, NLMSGERR_ATTR_MSG);
	}
	if (!msg)
		return;
	nla_strlcpy(nl->ext, msg, sizeof(nl->ext));
	err_printable(nl->ext);
	len = (int)strlen(nl->ext);
	if (len && nl->ext[len - 1] == '.')
		nl->ext[len - 1] = '\0';
}

static int on_error(struct sockaddr_nl *from, struct nlmsgerr *ne, void *arg)
{
	struct netlink *nl = arg;

	(void)from;
	nl->errnum = -ne->error;
	nl->done = true;
	keep_ext_text(nl, ne);
	return NL_STOP;
}

static int on_ack(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;

	(void)msg;
	nl->done = true;
	return NL_STOP;
}

/* The end of a dump tells whether it failed, which libnl 3.7 does not look at. */
static int on_end(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;
	const int *result = nlmsg_data(nlmsg_hdr(msg));

	if (nlmsg_datalen(nlmsg_hdr(msg)) >= (int)sizeof(*result) && *result < 0)
		nl->errnum = -*result;
	nl->done = true;
	return NL_STOP;
}

static int on_valid(struct nl_msg *msg, void *arg)
{
	struct netlink *nl = arg;

	if (nl->fn)
		nl->fn(nlmsg_hdr(msg), nl->arg);
	return NL_OK;
}

/* As libnl's own, but what it reads into is not allocated each time: of a block that is large enough for the
 * most that a kernel's dump puts into one, few bytes are used, and a malloc may ask the kernel for it. */
static int receive(struct nl_sock *sock, struct sockaddr_nl *from, unsigned char **data,
		   struct ucred **creds)
{
	static char block[32768];
	struct iovec iov = { block, sizeof(block) };
	struct msghdr m = { .msg_name = from, .msg_namelen = sizeof(*from), .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n;

	(void)creds;
	do
		n = recvmsg(nl_socket_get_fd(sock), &m, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -nl_syserr2nlerr(errno);
	if (m.msg_flags & MSG_TRUNC)
		return -NLE_MSG_TRUNC;
	*data = malloc((size_t)n + 1);
	if (!*data)
		return -NLE_NOMEM;
	memcpy(*data, block, (size_t)n);
	return (int)n;
}

static int connect_socket(struct netlink *nl, struct err *e)
{
	struct nl_cb *cb;
	int code, on = 1;

	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return err_nomem(e);
	code = nl_connect(nl->sock, nl->protocol);
	if (code < 0)
		return err_set(e, ERR_OS, errno, "netlink socket: %s", nl_geterror(code));
	/* libnl 3.7 sets neither, and folds errnos together; see on_error. */
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_EXT_ACK, &on, sizeof(on));
	setsockopt(nl_socket_get_fd(nl->sock), SOL_NETLINK, NETLINK_CAP_ACK, &on, sizeof(on));
	cb = nl_socket_get_cb(nl->sock);
	nl_cb_overwrite_recv(cb, receive);
	nl_cb_put(cb);
	nl_socket_modify_err_cb(nl->sock, NL_CB_CUSTOM, on_error, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_ACK, NL_CB_CUSTOM, on_ack, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_FINISH, NL_CB_CUSTOM, on_end, nl);
	nl_socket_modify_cb(nl->sock, NL_CB_VALID, NL_CB_CUSTOM, on_valid, nl);
	return 0;
}

struct netlink *netlink_open(struct err *e)
{
	return netlink_open_for(NETLINK_ROUTE, e);
}

struct netlink *netlink_open_for(int protocol, struct err *e)
{
	struct netlink *nl = calloc(1, sizeof(*nl));

	if (!nl) {
		err_nomem(e);
		return NULL;
	}
	nl->protocol = protocol;
	if (connect_socket(nl, e)) {
		netlink_close(nl);
		return NULL;
	}
	return nl;
}

int netlink_mend(struct netlink *nl, struct err *e)
{
	if (!nl->broken)
		return 0;
	nl_socket_free(nl->sock);
	nl->broken = connect_socket(nl, e) != 0;
	return nl->broken ? -1 : 0;
}

void netlink_close(struct netlink *nl)
{
	if (!nl)
		return;
	nl_socket_free(nl->sock);
	free(nl);
}

static int report(const struct netlink *nl, const char *what, struct err *e)
{
	enum err_kind kind = nl->errnum == EOPNOTSUPP ? ERR_FEATURE : ERR_KERNEL;

	if (nl->ext[0])
		return err_set(e, kind, nl->errnum, "%s: %s (%s)", what, strerror(nl->errnum),
			       nl->ext);
	return err_set(e, kind, nl->errnum, "%s: %s", what, strerror(nl->errnum));
}

/* 0, -1; 1: a dump was read to its end, but may lack something, as there were changes meanwhile. */
static int transact(struct netlink *nl, struct nl_msg *msg, const char *what, netlink_fn *fn,
		    void *arg, struct err *e)
{
	int code;

	if (nl->broken || !msg) {
		nlmsg_free(msg);
		return nl->broken ? err_set(e, ERR_OS, EPROTO, "%s: netlink", what) : err_nomem(e);
	}
	nl->fn = fn;
	nl->arg = arg;
	nl->errnum = 0;
	nl->ext[0] = '\0';
	nl->done = false;
	code = nl_send_auto(nl->sock, msg);
	nlmsg_free(msg);
	while (code >= 0 && !nl->done)
		code = nl_recvmsgs_default(nl->sock);
	if (nl->errnum)
		return report(nl, what, e);
	if (code >= 0 || code == -NLE_DUMP_INTR)
		return code < 0;
	nl->broken = true; /* the rest of the answer may still come: the next request would take it for its own */
	return err_set(e, ERR_OS, errno, "%s: netlink: %s", what, nl_geterror(code));
}

struct nl_msg *netlink_whole(struct nl_msg *msg, bool whole)
{
	if (whole)
		return msg;
	nlmsg_free(msg);
	return NULL;
}

struct nl_msg *netlink_message(int type, int flags, const void *header, size_t size)
{
	struct nl_msg *msg = nlmsg_alloc_simple(type, flags);

	return netlink_whole(msg, msg && !nlmsg_append(msg, (void *)(uintptr_t)header, size, NLMSG_ALIGNTO));
}

int netlink_request(struct netlink *nl, struct nl_msg *msg, const char *what, netlink_fn *fn,
		    void *arg, struct err *e)
{
	if (msg)
		nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_ACK | NLM_F_REQUEST;
	return transact(nl, msg, what, fn, arg, e);
}

static void keep(const struct nlmsghdr *h, void *all)
{
	buf_add(all, h, NLMSG_ALIGN(h->nlmsg_len)); /* libnl's copy is as long */
}

/* Nobody is told of anything before all of it is known to be true. */
int netlink_dump(struct netlink *nl, struct nl_msg *msg, const char *what, netlink_fn *fn,
		 void *arg, struct err *e)
{
	own(buf) struct buf all = {0};
	const struct nlmsghdr *h;
	int rc = 1;

	if (!msg || !buf_room(&all, DUMP_ROOM)) {
		nlmsg_free(msg);
		return err_nomem(e);
	}
	nlmsg_hdr(msg)->nlmsg_flags |= NLM_F_DUMP | NLM_F_REQUEST;
	for (int i = 0; i < DUMPS_MAX && rc > 0; i++) {
		all.len = 0;
		nlmsg_hdr(msg)->nlmsg_seq = NL_AUTO_SEQ;
		nlmsg_get(msg);
		rc = transact(nl, msg, what, keep, &all, e);
	}
	nlmsg_free(msg);
	if (rc < 0 || all.failed)
		return rc < 0 ? -1 : err_nomem(e);
	h = (const void *)all.data;
	for (unsigned int left = (unsigned int)all.len; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		fn(h, arg);
	return 0;
}
