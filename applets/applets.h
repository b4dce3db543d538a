/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every applet file includes: the grammar's tables, errors, and a node's connection. */
#ifndef APPLETS_APPLETS_H
#define APPLETS_APPLETS_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/err.h"
#include "base/value.h"
#include "lab/calls.h"
#include "lab/client.h"
#include "ui/output.h"
#include "ui/words.h"

#define APPLET(symbol, name, node, exits, help) extern const struct verb applet_##symbol##_verbs[];
#include "list.h"
#undef APPLET

/* An applet by name; NULL: there is none. Runs one: prints its error, returns its exit code; argv is
 * what follows the name. Prints an error, as if it had ended with it; returns the exit code that
 * goes with it. where: "FILE:LINE", or NULL. (main.c, for batch.) */
const struct applet *applet_find(const char *name);
int applet_run(const struct applet *a, struct call *c, char **argv);
int applet_failed(const struct applet *a, const char *where, struct err *e);
/* To the text of an error: which applet was probably meant. */
void guess_applet(const char *typed, struct err *e);

/* Connects to the node of the call. */
__attribute__((warn_unused_result)) static inline int connect_node(struct client *c,
								   const struct call *call,
								   struct err *e)
{
	return client_open(c, call->lab, call->node, e);
}

/* For the end of an applet that asked a node for something: an error gets the node's name in
 * front. rc 0 or -1; returns it. */
static inline int of_node(const struct call *call, int rc, struct err *e)
{
	return rc < 0 ? err_prefix(e, "%s", call->node) : rc;
}

/* Calls fn for every living node of the lab; its error gets the node's name in front. command, or
 * NULL: what fn will ask first (client_ahead). */
typedef int node_fn(const char *name, struct client *client, void *arg, struct err *e);
__attribute__((warn_unused_result)) int each_node(const struct call *call, const char *command,
						  node_fn *fn, void *arg, struct err *e);

/* Of a "del" with the words NAME... and --all: one of the two must be given. */
__attribute__((warn_unused_result)) int check_names_or_all(const struct call *call, struct err *e);

/* Programs to start, for exec and spawn: -u, -d, -e and CMD from the call's words, and the caller's
 * descriptors 0 to 2, which main has seen to be open. */
__attribute__((warn_unused_result)) int program_of_call(struct program *p, const struct call *call,
							struct err *e);

/* The words of applets that run a program in the foreground, but for CMD; and what runs it: the exit
 * code is the program's (exec.c). */
#define EXEC_WORDS \
	{ "-t", NULL, 0 }, { "-T", NULL, 0 }, { "-u", "USER", 0 }, { "--cap", "NAME,...", 0 }, \
	{ "-d", "DIR", 0 }, \
	{ "-e", "NAME=VALUE", WORD_MANY }
__attribute__((warn_unused_result)) int exec_run(struct call *call, struct err *e);

/* NODE:IF taken apart; node is the caller's to free. ERR_USAGE if it is not of that form. */
__attribute__((warn_unused_result)) int endpoint_parse(const char *text, char **node,
						       const char **iface, struct err *e);

/* ADDRESS/PREFIX taken apart into host (INADDR_TEXT bytes) and prefix; *family AF_INET or
 * AF_INET6. need_prefix: without one it is ERR_USAGE, else it is all of the address. */
__attribute__((warn_unused_result)) int prefix_parse(const char *text, bool need_prefix, char *host,
						     int *prefix, int *family, struct err *e);

#endif
