/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a process that gives many commands: connections are kept, one for a node, and replies that can
 * only be "done" or an error are read later, so that commands need not wait for each other. Off
 * until pool_begin; then client_open and client_close (client.h) take from here and give back.
 */
#ifndef LAB_POOL_H
#define LAB_POOL_H

#include "lab/client.h"

/* Is told of each error of a command whose reply was read later: which one it was, and the node. */
typedef void pool_failed_fn(const struct origin *of, const char *node, struct err *e);

void pool_begin(pool_failed_fn *failed);
/* Of the commands from here on. */
void pool_origin(struct origin origin);
/* Sends all that was put and reads all replies. What is known of interfaces is forgotten. */
void pool_settle(void);
/* pool_settle; closes all. */
void pool_end(void);

/* For client.c. A kept connection to a node: true. One that shall be kept from here on: false, but
 * *kept is set; NULL: it is not kept. */
bool pool_take(const char *lab, const char *node, struct client *c);
/* The connection back, if it is one that is kept; else, or if it cannot be used again, false. */
bool pool_give(struct client *c);
/* What the next reply will be to. */
struct origin pool_now(void);
void pool_failed(const struct client *c, const struct origin *of, struct err *e);

#endif
