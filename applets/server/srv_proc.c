/* SPDX-License-Identifier: GPL-2.0-or-later */
/* PROC: starting processes (wire.md sections 3 and 4), waiting for them, signalling them. */
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "children.h"
#include "names.h"
#include "plan.h"
#include "session.h"
#include "wire/pickle.h"

int srv_proc_crte(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	s->plan = plan_new(s->args.v, s->args.n, e);
	if (!s->plan)
		return FAILED;
	session_reply(s, 200, "Entering PROC mode.");
	return NOW;
}

static int set_and_reply(struct session *s, char **place, struct err *e)
{
	if (plan_set(place, &s->args.v[0], e))
		return FAILED;
	session_reply(s, 200, "Noted.");
	return NOW;
}

int srv_proc_user(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	return set_and_reply(s, &s->plan->user, e);
}

int srv_proc_cwd(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	return set_and_reply(s, &s->plan->cwd, e);
}

int srv_proc_name(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (children_check_tag(s->server, s->args.v[0].s, e))
		return FAILED;
	return set_and_reply(s, &s->plan->tag, e);
}

int srv_proc_env(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (s->args.n % 2) {
		err_set(e, ERR_USAGE, 0, "Names and values must come in pairs.");
		return FAILED;
	}
	if (plan_replace_env(s->plan, &s->args, e))
		return FAILED;
	session_replyf(s, 200, "%zu definition(s) read.", s->args.n / 2);
	return NOW;
}

int srv_proc_stdio(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)e;
	for (s->want = 0; strcmp(stdio_names[s->want] + strlen("PROC "), cmd->sub);)
		s->want++;
	s->plan->lacks |= s->want == STDIO_ALL;
	return WANT_FD;
}

/* A client's end of a connection to this server: kept here it would keep the connection open for
 * ever, and with it itself. */
static bool leads_here(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) && peer.pid == getpid();
}

void srv_proc_take_fds(struct session *s, int which, const int *fds)
{
	int first = which == STDIO_ALL ? 0 : which, last = which == STDIO_ALL ? 2 : which;

	for (int i = first; i <= last; i++) {
		if (!leads_here(fds[i - first]))
			continue;
		for (int k = first; k <= last; k++)
			close(fds[k - first]);
		session_reply(s, 500, "A connection to this server cannot be passed to it.");
		return;
	}
	for (int i = first; i <= last; i++) {
		if (s->plan->fds[i] >= 0)
			close(s->plan->fds[i]);
		s->plan->fds[i] = fds[i - first];
	}
	s->plan->lacks = false;
	session_reply(s, 200, "Descriptor saved.");
}

int srv_proc_log(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	if (s->server->lab_fd < 0) {
		err_set(e, ERR_REFUSED, 0, "This server keeps no logs.");
		return FAILED;
	}
	s->plan->log = true;
	session_reply(s, 200, "Output will be kept.");
	return NOW;
}

int srv_proc_caps(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	const char *bad;

	(void)cmd;
	if (!caps_parse(s->args.v[0].s, &s->plan->caps, &bad)) {
		err_set(e, ERR_VALUE, 0, "%.40s: no such capability", bad);
		return FAILED;
	}
	session_reply(s, 200, "The user will keep them.");
	return NOW;
}

int srv_proc_tie(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	s->plan->tied = true;
	session_reply(s, 200, "Will hang up with this connection.");
	return NOW;
}

int srv_proc_tty(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	s->plan->tty = true;
	session_reply(s, 200, "Will have a controlling terminal.");
	return NOW;
}

/* A datagram socket under a name that the kernel chooses, in the node's network namespace
 * alone. value: what NOTIFY_SOCKET is to be. */
static int notify_socket(char *value, size_t size)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	socklen_t len = sizeof(un);
	own(fd) int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&un, sizeof(un.sun_family)) ||
	    getsockname(fd, (struct sockaddr *)&un, &len))
		return -1;
	snprintf(value, size, "@%.*s", (int)(len - offsetof(struct sockaddr_un, sun_path) - 1),
		 un.sun_path + 1);
	return steal_fd(&fd);
}

int srv_proc_ntfy(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	char value[128];
	own(fd) int fd = -1;

	(void)cmd;
	if (session_before_fd(s, e))
		return FAILED;
	fd = notify_socket(value, sizeof(value));
	if (fd < 0 || plan_set_variable(s->plan, "NOTIFY_SOCKET", value, e))
		session_reply(s, 500, "No socket for notifications.");
	else
		session_send_fd(s, fd, "NOTIFY_SOCKET is set.");
	return NOW;
}

/* Which display there is is the node's to tell. */
static int set_display(struct server *s, struct plan *p, struct err *e)
{
	char display[32];

	if (x11_prepare(s, &p->xauth, display, sizeof(display), e) ||
	    plan_set_variable(p, "DISPLAY", p->xauth ? display : NULL, e))
		return -1;
	return p->xauth ? plan_set_variable(p, "XAUTHORITY", p->xauth, e) : 0;
}

int srv_proc_run(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct plan *p = s->plan;

	(void)cmd;
	if (p->lacks) {
		err_set(e, ERR_REFUSED, 0, "Its descriptors have not been passed.");
		return FAILED;
	}
	s->plan = NULL;
	if (s->server->ending) {
		plan_free(p);
		err_set(e, ERR_REFUSED, 0, "The node is ending.");
		return FAILED;
	}
	if (names_program(s->server, e) || set_display(s->server, p, e)) {
		plan_free(p);
		return FAILED;
	}
	return children_start(s->server, s, p, e) ? FAILED : LATER;
}

int srv_proc_abrt(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	(void)e;
	plan_free(s->plan);
	s->plan = NULL;
	session_reply(s, 200, "Aborted.");
	return NOW;
}

static struct child *find(struct session *s, int32_t pid, struct err *e)
{
	struct child *c = children_find(s->server, pid);

	if (!c)
		err_set(e, ERR_REFUSED, 0, "Process %d does not exist.", pid);
	return c;
}

/* POLL and WAIT report an end once. */
static void report_end(struct session *s, struct child *c)
{
	session_replyf(s, 200, "%d exitcode.", c->status);
	children_forget(s->server, c);
}

int srv_proc_poll(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct child *c;

	(void)cmd;
	children_reap(s->server); /* its end may be known to the kernel, but not yet to the loop */
	c = find(s, s->args.v[0].i, e);
	if (!c)
		return FAILED;
	if (c->state == CHILD_ENDED)
		report_end(s, c);
	else
		session_reply(s, 450, "Not finished yet.");
	return NOW;
}

static int park(struct session *s, enum park what, struct err *e)
{
	s->wait.pids = calloc(s->args.n, sizeof(*s->wait.pids));
	if (!s->wait.pids) {
		err_nomem(e);
		return FAILED;
	}
	for (size_t i = 0; i < s->args.n; i++)
		s->wait.pids[i] = s->args.v[i].i;
	s->wait.count = s->args.n;
	s->wait.what = what;
	return LATER;
}

int srv_proc_wait(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct child *c = find(s, s->args.v[0].i, e);

	(void)cmd;
	if (!c)
		return FAILED;
	if (c->state != CHILD_ENDED)
		return park(s, PARK_END, e);
	report_end(s, c);
	return NOW;
}

/* The first of several to end: those that have are looked at in the order in which they were
 * named. Nothing is forgotten. */
int srv_proc_next(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;

	(void)cmd;
	for (size_t i = 0; i < s->args.n; i++) {
		struct child *c = find(s, s->args.v[i].i, e);

		if (!c)
			return FAILED;
		if (c->state != CHILD_ENDED)
			continue;
		children_told(c);
		session_replyf(s, 200, "%d %d ended.", (int)c->pid, c->status);
		return NOW;
	}
	return park(s, PARK_FIRST, e);
}

int srv_proc_kill(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	struct child *c = find(s, s->args.v[0].i, e);
	int sig = s->args.n > 1 ? s->args.v[1].i : SIGTERM;

	(void)cmd;
	if (!c)
		return FAILED;
	if (children_kill(c, sig)) {
		err_os(e, errno, "signal %d to process %d", sig, s->args.v[0].i);
		return FAILED;
	}
	session_reply(s, 200, "Process signalled.");
	return NOW;
}

int srv_proc_list(void *ctx, const struct command *cmd, struct err *e)
{
	struct session *s = ctx;
	own(buf) struct buf pickle = {0};

	(void)cmd;
	(void)e;
	children_reap(s->server);
	pickle_start(&pickle);
	children_describe(s->server, &pickle, s->args.n ? s->args.v[0].s : NULL);
	pickle_stop(&pickle);
	session_reply_data(s, "Process data follows.", &pickle);
	return NOW;
}
