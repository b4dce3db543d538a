/* SPDX-License-Identifier: GPL-2.0-or-later */
/* QUIT, HELP, and NODE: the connection and the node itself (NODE is an extension). */
#include <stdio.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "children.h"
#include "describe.h"
#include "kernel/link.h"
#include "session.h"
#include "wire/pickle.h"

int srv_quit(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	session_reply(s, 221, "Goodbye.");
	s->closing = true;
	return NOW;
}

int srv_help(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	unsigned int mode = s->plan ? MODE_PROC : MODE_NORMAL;
	own(buf) struct buf text = {0};

	(void)cmd;
	(void)e;
	buf_adds(&text, "Commands:");
	for (const struct command *c = server_commands; c->word; c++) {
		if (!(c->modes & mode))
			continue;
		buf_addc(&text, '\n');
		buf_adds(&text, c->word);
		if (c->sub) {
			buf_addc(&text, ' ');
			buf_adds(&text, c->sub);
		}
	}
	session_reply(s, 200, buf_cstr(&text));
	return NOW;
}

/* Of a switch, unless somebody has deleted it. */
static void put_bridge(struct buf *b, struct server *srv)
{
	struct err ignored;
	struct netlink *nl = srv->bridge ? server_netlink(srv, &ignored) : NULL;
	struct iface i;
	bool there = nl && !link_get(nl, srv->bridge, &i, &ignored);

	pickle_set_str(b, "bridge", there ? i.name : NULL);
	pickle_set_int(b, "bridge_index", there ? i.index : 0);
}

static bool has_uplink(struct server *srv, struct iface *i)
{
	struct err ignored;
	struct netlink *nl = srv->uplink.holder ? server_netlink(srv, &ignored) : NULL;

	return nl && !link_get(nl, srv->uplink.index, i, &ignored);
}

int srv_node_info(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct server *srv = s->server;
	own(buf) struct buf b = {0};
	struct iface i;
	char display[32];

	(void)cmd;
	(void)e;
	pickle_start(&b);
	pickle_dict(&b);
	pickle_set_str(&b, "name", srv->name);
	pickle_set_str(&b, "lab", srv->lab);
	pickle_set_int(&b, "pid", getpid());
	pickle_set_int(&b, "keeper", srv->name ? getppid() : 0);
	pickle_set_int(&b, "started", srv->started);
	pickle_set_int(&b, "processes", (int64_t)children_running(srv));
	pickle_set_int(&b, "sessions", srv->session_count);
	pickle_set_str(&b, "isolate", srv->isolate_pid ? "pid" : NULL);
	pickle_set_bool(&b, "forwarding", srv->forwarding);
	pickle_set_bool(&b, "dad", srv->dad);
	put_bridge(&b, srv);
	if (srv->x11.display)
		snprintf(display, sizeof(display), "127.0.0.1:%d", srv->x11.display);
	pickle_set_str(&b, "display", srv->x11.display ? display : NULL);
	pickle_set_str(&b, "uplink", has_uplink(srv, &i) ? i.name : NULL);
	pickle_dict_end(&b);
	pickle_stop(&b);
	session_reply_data(s, "Node data follows.", &b);
	return NOW;
}

int srv_node_cut(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	s->server->cut_links = true;
	session_reply(s, 200, "Its links go with it.");
	return NOW;
}

/* The reply goes out before the end begins; what it names is gone last of all. */
int srv_node_end(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	session_replyf(s, 200, "%d is gone when the node is.",
		       (int)(s->server->name ? getppid() : getpid()));
	server_end(s->server);
	return NOW;
}
