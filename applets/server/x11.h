/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The display of a node's programs: what srv_x11.c has for the rest of the server. */
#ifndef SERVER_X11_H
#define SERVER_X11_H

#include <stddef.h>

#include "base/err.h"
#include "base/seat.h"

struct session;
struct server;

struct x11 {
	int display;   /* its number; 0: there is none */
	int sock;      /* of its port, until it has been sent; else -1 */
	char *proto;   /* of the cookie */
	unsigned char *key;
	size_t key_len;
	const struct session *setter; /* who gave SET, while it is there */
	struct session *holder;	      /* who gave KEEP */
};

/* For a program that is to start: if there is a display, its name and an Xauthority file of this
 * program alone, for root; *file is the caller's to unlink and to free. NULL: there is none. */
__attribute__((warn_unused_result)) int x11_prepare(struct server *s, char **file, char *display,
						    size_t size, struct err *e);

void x11_session_gone(struct server *s, const struct session *gone);
void x11_free(struct server *s);

#endif
