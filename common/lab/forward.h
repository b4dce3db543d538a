/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forwarder: a process of its own which takes a node's X connections to the caller's display.
 * It lasts as long as the node's server and the display do.
 */
#ifndef LAB_FORWARD_H
#define LAB_FORWARD_H

#include "lab/client.h"
#include "lab/display.h"

#define FORWARD_PROTO "MIT-MAGIC-COOKIE-1"
#define FORWARD_KEY 16

/* Leaves one running. listener: the socket of X11 SOCK. c: the connection on which that came; it
 * gives X11 KEEP on it. key: what the node's programs must show in place of the display's own
 * cookie. */
__attribute__((warn_unused_result)) int forward_start(struct client *c, int listener,
						      const struct display *d,
						      const unsigned char key[FORWARD_KEY],
						      struct err *e);

#endif
