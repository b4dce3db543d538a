/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending nodes: see end.h. */
#include "lab/end.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/offspring.h"
#include "base/pidfd.h"
#include "base/procfile.h"
#include "lab/calls.h"
#include "lab/client.h"
#include "lab/keeper.h"
#include "lab/progress.h"
#include "lab/rundir.h"

#define BATCH 250 /* of three descriptors each; many systems allow 1024 */
#define PATIENCE_MS 5000 /* with servers that do not answer */
#define KEEPER_MS 500 /* and with keepers, which have little to do */

static void wait_gone(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* One node on its way out. */
struct ending {
	const char *name;
	bool cut; /* its links */
	struct socket_id socket;
	struct client c;
	int server; /* a pidfd: by the time it is needed, the PID may be another's; -1: it has none */
	pid_t keeper; /* its parent, as this process sees it; 0: it does not */
	int last;   /* the same for that, which goes last; -1: nothing to wait for */
};

/* A keeper that somebody has stopped could not do its part. */
static void wait_for_last(const struct ending *x)
{
	struct pollfd p = { .fd = x->last, .events = POLLIN };

	while (x->last >= 0 && poll(&p, 1, KEEPER_MS) <= 0)
		if (procfile_is_called(x->keeper, KEEPER_NAME))
			signal_pidfd(x->last, SIGCONT);
}

/* A server that hangs or was stopped. Its keeper does the rest; when that is done, the socket is
 * gone, and may be another node's. */
static int end_by_force(const struct ending *x, const char *lab, struct err *e)
{
	own(fd) int lab_fd = -1;

	if (x->server < 0 || (signal_pidfd(x->server, SIGKILL) && errno != ESRCH))
		return err_prefix(e, "%s", x->name);
	wait_gone(x->server);
	lab_fd = rundir_lock_lab(lab, false, e);
	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	socket_remove(lab_fd, x->name, &x->socket);
	rundir_remove_lab(lab_fd, lab);
	rundir_unlock(lab_fd);
	return 0;
}

/* Asks it to end, and does not wait for the answer. */
static int ask(struct ending *x, const char *lab, int lab_fd, const char *name, bool cut, struct err *e)
{
	*x = (struct ending){ .name = name, .cut = cut, .socket = socket_identify(lab_fd, name), .c = CLIENT_INIT,
			      .server = -1, .last = -1 };
	if (client_open_in(&x->c, lab, lab_fd, name, e))
		return -1;
	x->server = open_pidfd(x->c.pid);
	x->keeper = offspring_parent(x->c.pid);
	x->last = x->keeper ? open_pidfd(x->keeper) : -1;
	call_end_ask(&x->c, cut);
	return client_flush(&x->c, e);
}

/* In milliseconds; all of a batch have the same time. */
static int time_left(int64_t deadline)
{
	int64_t left = deadline - now_ms();

	return left > 0 ? (int)left : 0;
}

/* Of a server that has closed the connection: it may only have been short of memory. */
static bool goes(int server, int64_t deadline)
{
	struct pollfd p = { .fd = server, .events = POLLIN };

	return server < 0 || poll(&p, 1, time_left(deadline)) > 0;
}

static int hear(struct ending *x, const char *lab, int64_t deadline, struct err *e)
{
	pid_t last;

	client_limit(&x->c, time_left(deadline));
	if (call_end_answer(&x->c, x->cut, &last, e)) {
		if (!procfile_is_called(x->keeper, KEEPER_NAME)) /* nothing said so */
			drop_fd(&x->last);
		if (e->kind == ERR_PEER && e->errnum != EAGAIN && goes(x->server, deadline))
			return 0; /* it was ending by itself */
		return end_by_force(x, lab, e);
	}
	/* The server may be in a PID namespace where its keeper has another number. */
	if (x->keeper && last != x->keeper && !procfile_is_called(x->keeper, KEEPER_NAME))
		drop_fd(&x->last);
	if (!x->keeper && x->c.pid > 0 && last > 0)
		x->last = open_pidfd(last);
	client_close(&x->c);
	return 0;
}

/* One that has gone meanwhile is no error. */
static void keep_first(struct err *first, const struct err *e)
{
	if (!first->kind && e->kind != ERR_ABSENT)
		*first = *e;
}

/* All are asked before one is waited for, so that they end side by side. */
static void end_batch(const char *lab, int lab_fd, char *const *names, size_t n, bool cut, struct err *first)
{
	struct ending x[BATCH];
	struct err e = ERR_INIT;
	int64_t deadline;

	for (size_t i = 0; i < n; i++)
		if (ask(&x[i], lab, lab_fd, names[i], cut, &e)) {
			client_close(&x[i].c);
			drop_fd(&x[i].last);
			keep_first(first, &e);
		}
	deadline = now_ms() + PATIENCE_MS;
	for (size_t i = 0; i < n; i++)
		if (x[i].c.fd >= 0 && hear(&x[i], lab, deadline, &e))
			keep_first(first, &e);
	for (size_t i = 0; i < n; i++) {
		client_close(&x[i].c);
		wait_for_last(&x[i]);
		drop_fd(&x[i].last);
		drop_fd(&x[i].server);
	}
}

/* cut: links to those that stay. */
static int end_some(const char *lab, int lab_fd, char *const *names, size_t n, bool cut, struct err *e)
{
	struct err first = ERR_INIT;
	size_t allowed = client_many(3 * (n < BATCH ? n : BATCH)) / 3, batch = allowed < 1 ? 1 : allowed;

	for (size_t i = 0; i < n; i += batch) {
		progress_tell("nodes ended", i, n);
		end_batch(lab, lab_fd, names + i, n - i < batch ? n - i : batch, cut, &first);
	}
	progress_tell("nodes ended", n, n);
	if (!first.kind)
		return 0;
	*e = first;
	return -1;
}

int end_nodes(const char *lab, char *const *names, size_t n, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e);

	if (lab_fd < 0 && e->kind != ERR_ABSENT)
		return -1;
	for (size_t i = 0; i < n; i++) {
		own(client) struct client c = CLIENT_INIT;

		if (client_open_in(&c, lab, lab_fd, names[i], e))
			return -1;
	}
	return end_some(lab, lab_fd, names, n, true, e);
}

/* What stands in the folder although nobody serves it. */
static void sweep(const char *lab)
{
	struct err ignored;
	own(fd) int lab_fd = rundir_lock_lab(lab, false, &ignored);
	own(names) char **names = lab_fd < 0 ? NULL : rundir_names(lab_fd, &ignored);

	for (char **p = names; p && *p; p++) {
		bool stale;
		int fd = rundir_connect(lab_fd, *p, &stale, &ignored);

		if (fd >= 0)
			close(fd);
		else if (stale)
			rundir_remove_node(lab_fd, *p);
	}
	if (lab_fd >= 0) {
		rundir_remove_lab(lab_fd, lab);
		rundir_unlock(lab_fd);
	}
}

int end_all_nodes(const char *lab, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e);
	own(names) char **names = NULL;
	size_t n = 0;
	int rc;

	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	names = rundir_names(lab_fd, e);
	if (!names)
		return -1;
	while (names[n])
		n++;
	rc = end_some(lab, lab_fd, names, n, false, e);
	sweep(lab);
	return rc;
}
