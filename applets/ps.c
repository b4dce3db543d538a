/* SPDX-License-Identifier: GPL-2.0-or-later */
/* ps: processes of a node, running and ended. */
#include <signal.h>
#include <sys/wait.h>

#include "applets.h"
#include "ui/exit.h"

static void age_text(int64_t ms, char *buf, size_t size)
{
	if (ms < 60000)
		snprintf(buf, size, "%lld.%llds", (long long)ms / 1000, (long long)ms / 100 % 10);
	else if (ms < 3600000)
		snprintf(buf, size, "%lldm%02llds", (long long)ms / 60000,
			 (long long)ms / 1000 % 60);
	else
		snprintf(buf, size, "%lldh%02lldm", (long long)ms / 3600000,
			 (long long)ms / 60000 % 60);
}

static void status_text(const struct value *d, char *buf, size_t size)
{
	int status = (int)value_num(d, "status", -1);
	const struct value *v = value_get(d, "status");

	*buf = '\0';
	if (!v || v->type != V_INT)
		return;
	if (WIFSIGNALED(status) && sigabbrev_np(WTERMSIG(status)))
		snprintf(buf, size, "SIG%s", sigabbrev_np(WTERMSIG(status)));
	else if (WIFSIGNALED(status)) /* a real-time one, whose name depends on the libc */
		snprintf(buf, size, "SIG%d", WTERMSIG(status));
	else
		snprintf(buf, size, "%d", WEXITSTATUS(status));
}

static void print_processes(const struct value *list)
{
	struct table t = {0};

	table_row(&t, "PID", "TAG", "USER", "STATE", "AGE", "STATUS", "COMMAND", TABLE_END);
	for (size_t i = 0; i < value_len(list); i++) {
		const struct value *d = value_at(list, i);
		char pid[24], age[32], status[24];

		snprintf(pid, sizeof(pid), "%lld", (long long)value_num(d, "pid", 0));
		age_text(value_num(d, "age", 0), age, sizeof(age));
		status_text(d, status, sizeof(status));
		table_row(&t, pid, value_text(d, "tag", ""), value_text(d, "user", ""),
			  value_text(d, "state", ""), age, status, value_text(d, "command", ""),
			  TABLE_END);
	}
	table_print(&t, stdout);
}

static int ps_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	const struct value *list;

	if (connect_node(&c, call, e))
		return -1;
	list = call_processes(&c, NULL, &pool, e);
	if (!list)
		return of_node(call, -1, e);
	if (call->json)
		output_json(list, stdout);
	else if (call->quiet)
		for (size_t i = 0; i < value_len(list); i++)
			printf("%lld\n", (long long)value_num(value_at(list, i), "pid", 0));
	else
		print_processes(list);
	return 0;
}

const struct verb applet_ps_verbs[] = {
	{ NULL, "the last 4096 that ended are remembered", NO_WORDS, ps_run },
	{ 0 },
};
