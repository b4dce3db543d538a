/* SPDX-License-Identifier: GPL-2.0-or-later */
/* wait: wait for processes of a node to end. */
#include <errno.h>
#include <limits.h>

#include "applets.h"
#include "base/clock.h"
#include "base/num.h"
#include "ui/exit.h"

#define PATIENCE_MS 1000

/* The processes that are still waited for. */
struct waiting {
	const struct call *call;
	pid_t *pids;
	size_t n;
	int64_t deadline; /* ms of CLOCK_MONOTONIC; -1: none */
};

static int read_pids(struct client *c, const struct given *names, struct waiting *w, struct err *e)
{
	w->pids = calloc(names->n + 1, sizeof(*w->pids));
	if (!w->pids)
		return err_nomem(e);
	for (size_t i = 0; i < names->n; i++)
		if (call_find(c, names->v[i], &w->pids[w->n++], e))
			return -1;
	return 0;
}

/* Without names: all that run. */
static int read_running(struct client *c, struct waiting *w, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list = call_processes(c, NULL, &pool, e);

	if (!list)
		return -1;
	w->pids = calloc(value_len(list) + 1, sizeof(*w->pids));
	if (!w->pids)
		return err_nomem(e);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);

		if (!strcmp(value_text(d, "state", ""), "running"))
			w->pids[w->n++] = (pid_t)value_num(d, "pid", 0);
	}
	return 0;
}

/* One of the first n has, as the node knows, whose answer may be on its way. */
static bool has_ended(const struct waiting *w, size_t n)
{
	own(client) struct client c = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	struct err ignored = ERR_INIT;
	const struct value *list;

	if (connect_node(&c, w->call, &ignored))
		return false;
	client_limit(&c, PATIENCE_MS);
	list = call_processes(&c, NULL, &pool, &ignored);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);

		for (size_t k = 0; k < n; k++)
			if (value_num(d, "pid", 0) == w->pids[k] &&
			    !strcmp(value_text(d, "state", ""), "ended"))
				return true;
	}
	return false;
}

/* The reply comes when one of the first n has ended. */
static int poll_reply(struct client *c, const struct waiting *w, size_t n, struct err *e)
{
	int64_t left = w->deadline < 0 ? -1 : w->deadline - now_ms();

	if (w->deadline >= 0 && left < 0)
		left = 0;
	if (client_poll(c, -1, left > INT_MAX ? INT_MAX : (int)left) || has_ended(w, n))
		return 0;
	return err_set(e, ERR_TIMEOUT, 0, "%zu process(es) still running", w->n);
}

/* The reference has no NEXT: there each is waited for in turn, and forgotten. */
static int wait_in_turn(struct client *c, struct waiting *w, int *status, struct err *e)
{
	client_say(c, "PROC WAIT %d", (int)w->pids[0]);
	if (poll_reply(c, w, 1, e))
		return -1;
	if (client_number(c, status, e)) {
		if (e->kind == ERR_REFUSED)
			err_set(e, ERR_ABSENT, ESRCH, "%d: no such process", (int)w->pids[0]);
		return -1;
	}
	return (int)w->pids[0];
}

/* Waits for one to end. Its PID, or -1. */
static int wait_next(struct client *c, struct waiting *w, int *status, struct err *e)
{
	int told[2]; /* PID, status */
	size_t i = 0;

	client_put(c, "PROC NEXT");
	for (size_t k = 0; k < w->n; k++)
		client_put(c, " %d", (int)w->pids[k]);
	client_end(c);
	if (poll_reply(c, w, w->n, e))
		return -1;
	if (client_numbers(c, told, 2, e))
		return e->kind == ERR_REFUSED ? wait_in_turn(c, w, status, e) : -1;
	while (i < w->n && w->pids[i] != told[0])
		i++;
	if (i == w->n)
		return err_set(e, ERR_PEER, 0, "the server tells of a process that it was not asked for");
	*status = told[1];
	return told[0];
}

static void drop(struct waiting *w, pid_t pid)
{
	size_t kept = 0;

	for (size_t i = 0; i < w->n; i++)
		if (w->pids[i] != pid)
			w->pids[kept++] = w->pids[i];
	w->n = kept;
}

static int wait_all(struct client *c, struct waiting *w, const struct call *call, struct err *e)
{
	const struct given *names = call_all(call, "PID|TAG");
	pid_t last = w->n ? w->pids[w->n - 1] : 0;
	int code = 0;

	while (w->n) {
		int status, pid = wait_next(c, w, &status, e);

		if (pid <= 0)
			return -1;
		/* As in sh: that of the last that was named. */
		if (pid == last && names->n)
			code = exit_from_status(status);
		if (call_get(call, "-n"))
			return exit_from_status(status);
		drop(w, pid);
	}
	return code;
}

static int wait_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	const struct given *names = call_all(call, "PID|TAG");
	const char *limit = call_get(call, "-t");
	struct waiting w = { .call = call, .deadline = -1 };
	int64_t ms;
	int rc;

	if (limit && !num_parse_ms(limit, &ms))
		return err_set(e, ERR_USAGE, 0, "-t %.40s: not a time (250ms, 2s, 1m)", limit);
	if (limit)
		w.deadline = now_ms() + ms;
	if (connect_node(&c, call, e))
		return -1;
	if (limit)
		client_limit(&c, ms + PATIENCE_MS); /* some time after the end of the wait */
	rc = names->n ? read_pids(&c, names, &w, e) : read_running(&c, &w, e);
	if (!rc)
		rc = wait_all(&c, &w, call, e);
	if (limit)
		client_limit(&c, -1); /* a batch goes on with it */
	free(w.pids);
	if (rc < 0 && limit && e->errnum == EAGAIN)
		err_set(e, ERR_TIMEOUT, 0, "the server does not answer");
	return of_node(call, rc, e);
}

const struct verb applet_wait_verbs[] = {
	{ NULL,
	  "until all have ended, with the exit code of the last (-n: the first to end; -t: 124 when "
	  "the time is up)",
	  WORDS({ NULL, "PID|TAG", WORD_MANY }, { "-n", NULL, 0 }, { "-t", "TIME", 0 },),
	  wait_run },
	{ 0 },
};
