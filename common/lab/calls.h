/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What applets ask of a node's server, as functions. Where the server lacks an extension of
 * ours the reference's command is used instead, with less in the answer; where there is none,
 * the error is ERR_FEATURE and says what the server lacks.
 */
#ifndef LAB_CALLS_H
#define LAB_CALLS_H

#include <sys/types.h>

#include "base/err.h"
#include "base/impair.h"
#include "base/value.h"
#include "lab/client.h"

/* The index of an interface; on a connection that is kept (pool.h) it is asked for once. ERR_ABSENT:
 * "NAME: no such interface". */
__attribute__((warn_unused_result)) int call_ifindex(struct client *c, const char *name, int *index,
						     struct err *e);

/* Changes the impairments of an interface: puts the command; its reply is client_done's. */
void call_impair(struct client *c, int index, const struct impairment_change *change);
/* Queueing disciplines, a list of dicts as TC LIST gives it. A server that has none to tell of
 * gives an empty list. NULL: error. */
const struct value *call_qdiscs(struct client *c, struct value_pool *pool, struct err *e);
/* What a list of call_qdiscs says of one interface. */
struct impairments qdiscs_impairments(const struct value *qdiscs, int index);

/* Lists of dicts with the keys of "ip -j link", "ip -j addr", "ip -j route". NULL: error. */
struct value *call_links(struct client *c, struct value_pool *pool, struct err *e);
struct value *call_addresses(struct client *c, struct value_pool *pool, struct err *e);
struct value *call_routes(struct client *c, struct value_pool *pool, struct err *e);

/* A dict: name, lab, pid, keeper, started, processes, sessions, isolate, forwarding, bridge and
 * bridge_index (of a switch; None and 0 else). */
const struct value *call_node(struct client *c, struct value_pool *pool, struct err *e);

/* A list of dicts: pid, tag, user, state, started, age, status, command, log. only: one PID or
 * tag, or NULL. */
const struct value *call_processes(struct client *c, const char *only, struct value_pool *pool,
				   struct err *e);

/* The process of a PID or tag. ERR_ABSENT with ESRCH: there is none. */
__attribute__((warn_unused_result)) int call_find(struct client *c, const char *name, pid_t *pid,
						  struct err *e);

/* Asks the node to end (nothing is sent yet); the answer: the process that is gone when all of
 * the node is. cut: the far ends of its links as well. */
void call_end_ask(struct client *c, bool cut);
__attribute__((warn_unused_result)) int call_end_answer(struct client *c, bool cut, pid_t *last,
							struct err *e);

/* A program to start. */
struct program {
	char **argv;
	const char *caps; /* that the user keeps, "net_raw,net_admin"; or NULL */
	const char *user, *dir, *tag; /* or NULL; dir NULL: the caller's, where it has one */
	char *const *env;	      /* "NAME=VALUE", on top of the caller's environment */
	size_t env_count;
	int fds[4]; /* 0 to 2, -1: none, not with log; 3: where it tells that it is ready */
	int *notify; /* not NULL: receives a datagram socket that is its NOTIFY_SOCKET */
	bool log;   /* output to the node's log; a server without logs gives /dev/null */
	bool tied;  /* hangs up with the connection */
	bool tty;   /* fds[0] becomes its controlling terminal */
};

/* Starts it; the connection is of no more use after an error. */
__attribute__((warn_unused_result)) int call_run(struct client *c, const struct program *p,
						 pid_t *pid, struct err *e);

#endif
