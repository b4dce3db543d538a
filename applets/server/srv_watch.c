/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What lets a client wait for a state of the node: SOCK LIST, NEIG LIST, NODE EVNT (extensions). */
#include <linux/neighbour.h>
#include <netinet/in.h>
#include <strings.h>
#include <sys/epoll.h>

#include "base/cleanup.h"
#include "describe.h"
#include "kernel/diag.h"
#include "kernel/monitor.h"
#include "kernel/neigh.h"
#include "session.h"
#include "uplink.h"
#include "wire/pickle.h"

static void put_inode(uint32_t inode, void *pickle)
{
	pickle_int(pickle, inode);
}

/* SOCK LIST tcp|udp PORT: the inodes of the sockets that listen there. */
int srv_sock_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	own(buf) struct buf pickle = {0};
	bool tcp = !strcasecmp(s->args.v[0].s, "tcp");
	int32_t port = s->args.v[1].i;

	(void)cmd;
	if ((!tcp && strcasecmp(s->args.v[0].s, "udp")) || port < 1 || port > 65535) {
		err_set(e, ERR_VALUE, 0, "%.20s %d: not a protocol and port", s->args.v[0].s, port);
		return FAILED;
	}
	pickle_start(&pickle);
	pickle_list(&pickle);
	if (diag_listening(tcp ? IPPROTO_TCP : IPPROTO_UDP, (uint16_t)port, put_inode, &pickle, e))
		return FAILED;
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Socket data follows.", &pickle);
	return NOW;
}

static void put_neighbour(const struct neighbour *n, void *pickle)
{
	char text[LLADDR_TEXT];
	const uint16_t valid = NUD_REACHABLE | NUD_STALE | NUD_DELAY | NUD_PROBE | NUD_PERMANENT;

	pickle_dict(pickle);
	pickle_set_str(pickle, "dst", inaddr_text(&n->dst, text));
	pickle_set_int(pickle, "ifindex", n->index);
	pickle_set_str(pickle, "lladdr", lladdr_text(&n->lladdr, text));
	pickle_set_bool(pickle, "valid", n->state & valid);
	pickle_dict_end(pickle);
}

int srv_neig_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct netlink *nl = server_netlink(s->server, e);
	own(buf) struct buf pickle = {0};

	(void)cmd;
	pickle_start(&pickle);
	pickle_list(&pickle);
	if (!nl || neigh_each(nl, put_neighbour, &pickle, e))
		return FAILED;
	pickle_list_end(&pickle);
	pickle_stop(&pickle);
	session_reply_data(s, "Neighbour data follows.", &pickle);
	return NOW;
}

static void on_change(void *obj, uint32_t events)
{
	struct server *s = obj;

	(void)events;
	monitor_drain(s->monitor_fd);
	s->changes = (s->changes + 1) & INT32_MAX;
	for (struct session *w = s->sessions; w; w = w->next) {
		if (w->wait.what != PARK_CHANGE)
			continue;
		session_replyf(w, 200, "%d changes.", s->changes);
		session_resume(w);
	}
	uplink_look(s);
}

int watch_changes(struct server *s, struct err *e)
{
	if (s->monitor_fd >= 0)
		return 0;
	s->monitor_fd = monitor_open(e);
	if (s->monitor_fd < 0)
		return -1;
	if (loop_add(s->loop, s->monitor_fd, EPOLLIN, on_change, s))
		return 0;
	drop_fd(&s->monitor_fd);
	return err_nomem(e);
}

/* NODE EVNT [N]: the number of changes so far, once it is not N. */
int srv_node_evnt(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (watch_changes(s->server, e))
		return FAILED;
	if (s->args.n && s->args.v[0].i == s->server->changes) {
		s->wait.what = PARK_CHANGE;
		return LATER;
	}
	session_replyf(s, 200, "%d changes.", s->server->changes);
	return NOW;
}
