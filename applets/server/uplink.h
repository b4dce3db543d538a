/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interface that lasts as long as the connection which holds it: a node's way out. */
#ifndef SERVER_UPLINK_H
#define SERVER_UPLINK_H

struct server;
struct session;

/* The end of a session: what it holds is deleted. */
void uplink_session_gone(struct server *s, const struct session *gone);

/* The network has changed: who waits for the end of the interface is told, if that was it. */
void uplink_look(struct server *s);

#endif
