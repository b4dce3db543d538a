/* SPDX-License-Identifier: GPL-2.0-or-later */
/* LINK HOLD, LINK WAIT (extensions): see uplink.h. Some other program makes the interface. */
#include "uplink.h"

#include <errno.h>

#include "kernel/link.h"
#include "names.h"
#include "session.h"

static bool is_there(struct server *s)
{
	struct err e = ERR_INIT;
	struct netlink *nl = server_netlink(s, &e);
	struct iface i;

	return !nl || !link_get(nl, s->uplink.index, &i, &e) || e.kind != ERR_ABSENT;
}

/* LINK HOLD INDEX [SERVER...]: with name servers for that time; the reply: how many programs see. */
int srv_link_hold(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct server *srv = s->server;
	struct netlink *nl = server_netlink(srv, e);
	struct inaddr servers[NAMES_SERVERS];
	size_t n = s->args.n - 1;
	struct iface i;
	bool seen;

	(void)cmd;
	if (srv->uplink.holder) {
		err_set(e, ERR_KERNEL, EEXIST, "%s of this node holds an interface already",
			srv->uplink.holder == s ? "this client" : "another client");
		return FAILED;
	}
	for (size_t k = 0; k < n; k++)
		if (k == NAMES_SERVERS || !inaddr_parse(s->args.v[k + 1].s, &servers[k])) {
			err_set(e, ERR_VALUE, 0, "%.60s: not an address, or the fourth", s->args.v[k + 1].s);
			return FAILED;
		}
	if (!nl || link_get(nl, s->args.v[0].i, &i, e) || watch_changes(srv, e))
		return FAILED;
	srv->uplink.holder = s;
	srv->uplink.index = i.index;
	seen = names_servers(srv, servers, n);
	names_look(srv); /* its addresses have no name */
	session_replyf(s, 200, "%zu name server(s) set. The interface is gone when this connection is.",
		       seen ? n : 0);
	return NOW;
}

/* LINK WAIT: the answer comes when the interface that this client holds is gone. */
int srv_link_wait(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (s->server->uplink.holder != s) {
		err_set(e, ERR_ABSENT, ENODEV, "this client holds no interface");
		return FAILED;
	}
	s->wait.what = PARK_LINK;
	if (is_there(s->server))
		return LATER;
	s->wait.what = PARK_NONE;
	session_reply(s, 200, "The interface is gone.");
	return NOW;
}

void uplink_look(struct server *s)
{
	struct session *holder = s->uplink.holder;

	if (!holder || holder->wait.what != PARK_LINK || is_there(s))
		return;
	session_reply(holder, 200, "The interface is gone.");
	session_resume(holder);
}

void uplink_session_gone(struct server *s, const struct session *gone)
{
	struct err ignored;
	struct netlink *nl;

	if (s->uplink.holder != gone)
		return;
	s->uplink.holder = NULL;
	names_servers(s, NULL, 0);
	nl = server_netlink(s, &ignored);
	if (!nl || link_del(nl, s->uplink.index, &ignored))
		return; /* then it was gone */
}
