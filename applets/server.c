/* SPDX-License-Identifier: GPL-2.0-or-later */
/* server: the server of a node, for other programs to start. */
#include "server/server.h"

#include "applets.h"
#include "base/num.h"
#include "lab/start.h"

static int server_run(struct call *c, struct err *e)
{
	const char *text = call_get(c, "--fd"), *name = call_get(c, "NODE");
	struct node_options o = {0};
	int64_t fd;

	if (c->where)
		return err_set(e, ERR_USAGE, 0, "not within a batch");
	if (!text == !name)
		return err_set(e, ERR_USAGE, 0, "either --fd N or NODE");
	if (name && call_get(c, "--no-netns"))
		return err_set(e, ERR_USAGE, 0, "--no-netns: only with --fd");
	if (name)
		return start_here(c->lab, name, server_run_node, &o, e);
	if (!num_parse(text, 0, INT32_MAX, &fd))
		return err_set(e, ERR_USAGE, 0, "--fd %.40s: not a descriptor", text);
	return server_run_fd((int)fd, call_get(c, "--no-netns") != NULL, e);
}

const struct verb applet_server_verbs[] = {
	{ NULL,
	  "one connection on an inherited socket; or a node, served in the foreground",
	  WORDS({ "--fd", "N", 0 }, { "--no-netns", NULL, 0 }, { NULL, "NODE", 0 },),
	  server_run },
	{ 0 },
};
