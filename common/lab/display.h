/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The caller's X display: what $DISPLAY names, how it is reached, and the cookie that it wants. */
#ifndef LAB_DISPLAY_H
#define LAB_DISPLAY_H

#include <sys/socket.h>

#include "base/err.h"

#define DISPLAY_COOKIE_MAX 256

struct display {
	struct sockaddr_storage addr;
	socklen_t addr_len;
	char proto[64]; /* of the cookie; "": the display wants none */
	unsigned char key[DISPLAY_COOKIE_MAX];
	size_t key_len;
	int pidfd; /* of the X server where it is known, else -1; the caller's to close */
};

/* Finds all that out about a display: ":0", ":0.1", "unix:0", "host:10.0", "[::1]:10". text NULL:
 * $DISPLAY is not set. It has been connected to once. ERR_FEATURE: there is no xauth. */
__attribute__((warn_unused_result)) int display_open(struct display *d, const char *text,
						     struct err *e);

/* A new connection, perhaps still under way: non-blocking. -1: errno. */
int display_connect(const struct display *d);

#endif
