/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node's keeper: the parent of its server, which outlives it to end what the server can no longer
 * end (it may have been killed with SIGKILL) and to take the socket away.
 */
#ifndef LAB_KEEPER_H
#define LAB_KEEPER_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/seat.h"

#define KEEPER_NAME "nemu-keeper" /* as in /proc/PID/comm */

/* Becomes the server: returns when the node has ended, or -1 if it could not begin. */
typedef int node_serve_fn(const struct node_seat *seat, const void *options, struct err *e);

/* Which socket is it? Inodes are used again, not so together with the time. */
struct socket_id {
	ino_t inode; /* 0: there is none */
	struct timespec time; /* it was made; that of its inode's last change is another once its mode has been set */
};

struct socket_id socket_identify(int lab_fd, const char *name);
/* With the lab's lock held: the socket, unless another node has taken its place meanwhile. */
void socket_remove(int lab_fd, const char *name, const struct socket_id *own);

/* The calling process leaves everything that its parent has: its session, its folder, its descriptors. */
__attribute__((warn_unused_result)) int keeper_detach(struct node_seat *seat, struct err *e);

/* The calling process becomes the keeper of a new node. Returns when the node has ended, or if there was no process
 * for the server, which it tells on the seat's ready_fd. */
void keeper_run(struct node_seat *seat, node_serve_fn *serve, const void *options);

#endif
