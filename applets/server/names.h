/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What programs of a node find in /etc/hosts and /etc/resolv.conf. */
#ifndef SERVER_NAMES_H
#define SERVER_NAMES_H

#include <stdbool.h>

#include "base/err.h"
#include "base/net.h"

struct server;

/* In the node's mount namespace: the lab's hosts file and a file of the node's own in the place of the
 * machine's. Where the machine has no such files there are none (a link that leads nowhere will do). */
__attribute__((warn_unused_result)) int names_begin(struct server *s, struct err *e);
/* From here on changes of addresses are followed, also those that other programs make. A second call does
 * nothing. Put off until a node may have an address: the kernel offers each change of any namespace to every
 * listener, so idle nodes should not listen. */
__attribute__((warn_unused_result)) int names_follow(struct server *s, struct err *e);

/* The node has an address more, or one less, by a command. Those that it has more are collected: names_write
 * comes before the command is answered, so that who comes next finds it so. */
void names_added(struct server *s, const struct address *a);
void names_removed(struct server *s, const struct address *a);
void names_write(struct server *s);

/* The addresses are looked at now. */
void names_look(struct server *s);

/* A program is about to start: from here on addresses are followed, and it finds the files in their place,
 * also after they, or the machine's, have been replaced. */
__attribute__((warn_unused_result)) int names_program(struct server *s, struct err *e);
/* SIGIO has come: see etc.h. */
void names_files_changed(struct server *s);

/* Name servers of the node, NAMES_SERVERS at most, in place of those that it had from here; none in the beginning. What
 * others have written into its resolv.conf stays. false: its programs do not see them, as where the machine has no
 * resolv.conf. */
bool names_servers(struct server *s, const struct inaddr *servers, size_t n);

#endif
