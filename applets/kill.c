/* SPDX-License-Identifier: GPL-2.0-or-later */
/* kill: signal processes of a node, with all that they started. */
#include <errno.h>
#include <signal.h>

#include "applets.h"
#include "base/num.h"

/* "TERM", "SIGTERM", "15". */
static int signal_number(const char *text, struct err *e)
{
	const char *name = strncasecmp(text, "SIG", 3) ? text : text + 3;
	int64_t n;

	if (num_parse(text, 0, SIGRTMAX, &n))
		return (int)n;
	for (int sig = 1; sig < NSIG; sig++) {
		const char *known = sigabbrev_np(sig);

		if (known && !strcasecmp(known, name))
			return sig;
	}
	err_set(e, ERR_USAGE, 0, "-s %.40s: no such signal", text);
	err_printable(e->text);
	return -1;
}

static int kill_one(struct client *c, pid_t pid, int sig, struct err *e)
{
	client_say(c, "PROC KILL %d %d", (int)pid, sig);
	if (!client_done(c, e))
		return 0;
	if (e->kind == ERR_REFUSED)
		err_set(e, ERR_ABSENT, ESRCH, "%d: no such process", (int)pid);
	return -1;
}

static int kill_all(struct client *c, int sig, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list = call_processes(c, NULL, &pool, e);

	if (!list)
		return -1;
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);

		if (strcmp(value_text(d, "state", ""), "running"))
			continue;
		if (kill_one(c, (pid_t)value_num(d, "pid", 0), sig, e) && e->kind != ERR_ABSENT)
			return -1;
	}
	return 0;
}

/* Every name is looked up before anything is signalled. */
static int kill_named(struct client *c, const struct given *names, int sig, struct err *e)
{
	own(mem) pid_t *pids = calloc(names->n + 1, sizeof(*pids));

	if (!pids)
		return err_nomem(e);
	for (size_t i = 0; i < names->n; i++)
		if (call_find(c, names->v[i], &pids[i], e))
			return -1;
	for (size_t i = 0; i < names->n; i++)
		if (kill_one(c, pids[i], sig, e))
			return -1;
	return 0;
}

static int kill_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	const struct given *names = call_all(call, "PID|TAG");
	const char *sig_name = call_get(call, "-s"), *all = call_get(call, "--all");
	int sig = sig_name ? signal_number(sig_name, e) : SIGTERM;

	if (sig < 0)
		return -1;
	if (!all == !names->n)
		return err_set(e, ERR_USAGE, 0,
			       all ? "--all and names exclude each other"
				   : "name processes by PID or TAG, or say --all");
	if (connect_node(&c, call, e))
		return -1;
	return of_node(call, all ? kill_all(&c, sig, e) : kill_named(&c, names, sig, e), e);
}

const struct verb applet_kill_verbs[] = {
	{ NULL,
	  "SIGTERM, or another signal by name or number",
	  WORDS({ "-s", "SIGNAL", 0 }, { "--all", NULL, 0 }, { NULL, "PID|TAG", WORD_MANY },),
	  kill_run },
	{ 0 },
};
