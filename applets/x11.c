/* SPDX-License-Identifier: GPL-2.0-or-later */
/* x11: the caller's display for the programs of a node. */
#include <errno.h>
#include <sys/random.h>
#include <unistd.h>

#include "applets.h"
#include "lab/display.h"
#include "lab/forward.h"

static int x11_stop(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;

	if (connect_node(&c, call, e))
		return -1;
	client_say(&c, "X11 STOP");
	if (!client_done(&c, e))
		return 0;
	if (e->kind == ERR_REFUSED)
		err_set(e, ERR_FEATURE, 0, "this node's server cannot stop it");
	else if (e->kind == ERR_ABSENT)
		err_set(e, ERR_ABSENT, ESRCH, "no display is forwarded");
	return of_node(call, -1, e);
}

/* The node gets a cookie made for it; the display's own stays here. */
static int forward(struct call *call, const struct display *d, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(fd) int listener = -1;
	unsigned char key[FORWARD_KEY];
	char hex[2 * FORWARD_KEY + 1];

	if (getrandom(key, sizeof(key), 0) != (ssize_t)sizeof(key))
		return err_os(e, errno, "random numbers");
	for (size_t i = 0; i < FORWARD_KEY; i++)
		snprintf(hex + 2 * i, 3, "%02x", key[i]);
	if (connect_node(&c, call, e))
		return -1;
	client_say(&c, "X11 SET " FORWARD_PROTO " %s", hex);
	if (client_done(&c, e))
		return of_node(call, -1, e);
	client_say(&c, "X11 SOCK");
	listener = client_receive(&c, e);
	if (listener < 0 || forward_start(&c, listener, d, key, e))
		return of_node(call, -1, e);
	return 0;
}

static int x11_run(struct call *call, struct err *e)
{
	struct display d;
	int rc;

	if (call_get(call, "--stop") && call_get(call, "CMD"))
		return err_set(e, ERR_USAGE, 0, "--stop and CMD exclude each other");
	if (call_get(call, "--stop"))
		return x11_stop(call, e);
	if (display_open(&d, getenv("DISPLAY"), e))
		return -1;
	rc = forward(call, &d, e);
	drop_fd(&d.pidfd);
	explicit_bzero(&d, sizeof(d));
	return !rc && call_get(call, "CMD") ? exec_run(call, e) : rc;
}

const struct verb applet_x11_verbs[] = {
	{ NULL,
	  "forwards $DISPLAY until the node or the display ends, or --stop; then runs CMD, if given, as "
	  "exec does. All that is started in the node from then on finds the display",
	  WORDS({ "--stop", NULL, 0 },
	    EXEC_WORDS,
	    { NULL, "CMD", WORD_TAIL },),
	  x11_run },
	{ 0 },
};
