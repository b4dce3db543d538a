/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Every process that the node's server started: running, or ended and remembered (the last
 * 4,096 of those). Ends are noticed by SIGCHLD, reaped at once, and told to whoever waits.
 */
#ifndef SERVER_CHILDREN_H
#define SERVER_CHILDREN_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/buf.h"
#include "server.h"
#include "session.h"

enum child_state { CHILD_RUNNING, CHILD_ENDED };

struct child {
	struct server *server;
	struct child *hash_next;
	struct child *next, *prev; /* in order of their start */
	pid_t pid;
	enum child_state state;
	int status; /* as waitpid(2) gives it */
	struct timespec started, ended; /* CLOCK_REALTIME */
	char *tag, *user, *command; /* tag: or NULL */
	struct session *tied; /* gets SIGHUP when this session ends */
	bool log;
	char *xauth; /* its Xauthority file, or NULL */
	bool told_to_end;
	bool unwanted; /* nobody is left to ask for it: forgotten when it ends */
	/* while starting, when there is a plan: */
	struct session *starter;
	struct spawn *spawn;
	struct plan *plan;
	int report;
	loop_id report_id;
};

__attribute__((warn_unused_result)) int children_init(struct server *s, struct err *e);
void children_free(struct server *s);

/* Starts the process of a plan, which it takes over; the session is parked until the child runs
 * or has failed, and gets the reply. */
__attribute__((warn_unused_result)) int children_start(struct server *s, struct session *by,
						       struct plan *plan, struct err *e);

/* NULL: no such child, or it is still starting. */
struct child *children_find(struct server *s, pid_t pid);

/* ERR_VALUE: one that runs, or starts, has this tag. */
__attribute__((warn_unused_result)) int children_check_tag(struct server *s, const char *tag,
							   struct err *e);

/* Its end has been told to somebody: what it alone needed goes (its Xauthority file). */
void children_told(struct child *c);

/* Forgets one that has ended. */
void children_forget(struct server *s, struct child *c);

/* Signals its process group; one that has ended is left alone. 0, or -1 with errno. */
int children_kill(const struct child *c, int sig);

/* Reaps all that have ended. */
void children_reap(struct server *s);

/* A session ends: what it started and is tied to it gets SIGHUP. */
void children_session_gone(struct server *s, struct session *gone);

/* Writes the list of children into a pickle as a list of dicts; only the one of that pid or tag
 * where one is named. */
void children_describe(struct server *s, struct buf *pickle, const char *only);
size_t children_running(const struct server *s);

/* The end of the node: SIGTERM to all, then, when time is up, SIGKILL, again and again until no
 * child is left, adopted ones included. True: none is left. */
bool children_end_step(struct server *s, bool kill_hard);

#endif
