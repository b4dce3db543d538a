/* SPDX-License-Identifier: GPL-2.0-or-later */
/* spawn: start a program in a node, in the background. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <unistd.h>

#include "applets.h"
#include "base/clock.h"
#include "base/num.h"
#include "base/signals.h"
#include "lab/log.h"
#include "lab/name.h"
#include "lab/sockets.h"
#include "lab/watch.h"
#include "ui/exit.h"

#define DEFAULT_MS 10000
#define CLOSED_MS 500

/* What --ready asks for. */
struct readiness {
	enum { READY_NOW, READY_WATCH, READY_FD, READY_NOTIFY } how;
	struct watch_spec spec; /* of READY_WATCH */
	int fd;			/* of READY_FD and READY_NOTIFY: where the program tells */
	int child_fd;		/* of READY_FD: its end */
	int64_t ms;
	const char *word;
	struct signals signals; /* by which the user gives up */
	int given_up; /* such a signal */
	bool closed; /* READY_FD: the program will say nothing any more */
};

static int read_ready(struct readiness *r, const struct call *call, struct err *e)
{
	const char *how = call_get(call, "--ready"), *limit = call_get(call, "-t");
	int ends[2];

	*r = (struct readiness){ .fd = -1, .child_fd = -1, .signals = SIGNALS_NONE, .ms = DEFAULT_MS, .word = how };
	r->spec = (struct watch_spec){ .lab = call->lab, .node = call->node };
	if (limit && !num_parse_ms(limit, &r->ms))
		return err_set(e, ERR_USAGE, 0, "-t %.40s: not a time (250ms, 2s, 1m)", limit);
	if (limit && !how)
		return err_set(e, ERR_USAGE, 0, "-t: only with --ready");
	if (!how)
		return 0;
	r->how = READY_WATCH;
	if (!strncmp(how, "listen=", 7)) {
		r->spec.kind = WATCH_LISTEN;
		r->spec.a = how + 7;
		return sockets_check_word(how + 7, e);
	} else if (!strncmp(how, "line=", 5)) {
		r->spec.kind = WATCH_LOG;
		r->spec.b = how + 5;
		if (call_get(call, "-i"))
			return err_set(e, ERR_USAGE, 0, "--ready line= looks at the log: not with -i");
		return log_check_regex(how + 5, e);
	} else if (!strcmp(how, "notify")) {
		r->how = READY_NOTIFY;
	} else if (!strcmp(how, "fd")) {
		r->how = READY_FD;
		if (pipe2(ends, O_CLOEXEC))
			return err_os(e, errno, "pipe");
		r->fd = ends[0];
		r->child_fd = ends[1];
	} else {
		return err_set(e, ERR_USAGE, 0,
			       "--ready %.40s: not listen=tcp|udp/PORT, line=REGEX, fd or notify", how);
	}
	return 0;
}

static void own_readiness(struct readiness *r)
{
	own_fd(&r->fd);
	own_fd(&r->child_fd);
	signals_release(&r->signals);
}

/* The program's word on its descriptor or socket. 1, 0, -1. */
static int hear(struct readiness *r)
{
	char text[4096];
	struct pollfd p = { .fd = r->fd, .events = POLLIN };
	ssize_t n;

	if (poll(&p, 1, 0) <= 0)
		return 0;
	n = read(r->fd, text, sizeof(text) - 1);
	if (n <= 0) { /* as it does by its end */
		r->closed = r->how == READY_FD;
		return 0;
	}
	text[n] = '\0';
	if (r->how == READY_FD)
		return memchr(text, '\n', (size_t)n) != NULL;
	return !strncmp(text, "READY=1", 7) || strstr(text, "\nREADY=1") != NULL;
}

static int ended_early(struct client *c, pid_t pid, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *list;
	char name[16];

	snprintf(name, sizeof(name), "%d", (int)pid);
	list = call_processes(c, name, &pool, e);
	if (!list)
		return -1;
	return err_set(e, ERR_VALUE, 0, "ended with %d before it was ready",
		       exit_from_status((int)value_num(value_at(list, 0), "status", 0)));
}

static int is_ready(struct readiness *r, struct watch *w, struct err *e)
{
	int rc = watch_check(w, e);

	return rc == 1 && r->how != READY_WATCH ? hear(r) : rc;
}

/* A descriptor that is closed may be the program's end, of which the server has not heard yet. */
static int closed(struct watch *end, struct client *c, pid_t pid, struct err *e)
{
	int64_t deadline = now_ms() + CLOSED_MS;
	int over;

	while (!(over = watch_check(end, e)) && watch_wait(&end, 1, deadline))
		;
	if (over)
		return over < 0 ? -1 : ended_early(c, pid, e);
	return err_set(e, ERR_VALUE, 0, "closed $NEMU_READY_FD without a word");
}

/* The program's end is an end of the waiting, but not before one more look: it may have been
 * ready, and done. watches: its readiness, its end, the user's. */
static int wait_until(struct readiness *r, struct client *c, pid_t pid, struct watch **watches,
		      struct err *e)
{
	int64_t deadline = now_ms() + r->ms;
	int rc, over;
	bool from_user;

	do {
		over = watch_check(watches[1], e);
		rc = over < 0 ? -1 : is_ready(r, watches[0], e);
		if (rc)
			return rc < 0 ? -1 : 0;
		if (over)
			return ended_early(c, pid, e);
		if (r->closed)
			return closed(watches[1], c, pid, e);
		r->given_up = signals_read(r->signals.fd, &from_user);
		if (r->given_up)
			return -1;
	} while (watch_wait(watches, 3, deadline));
	return err_set(e, ERR_TIMEOUT, 0, "not ready after %lld.%03lld s: %.200s",
		       (long long)r->ms / 1000, (long long)r->ms % 1000, r->word);
}

static int wait_ready(struct readiness *r, struct client *c, pid_t pid, struct err *e)
{
	char name[16];
	struct watch_spec end = r->spec, user = { .kind = WATCH_FD, .lab = end.lab, .node = end.node };
	struct watch *watches[3];
	int rc = -1;

	snprintf(name, sizeof(name), "%d", (int)pid);
	end.kind = WATCH_EXIT;
	end.a = name;
	r->spec.owner = pid;
	r->spec.fd = r->fd;
	if (r->how != READY_WATCH)
		r->spec.kind = WATCH_FD;
	else if (r->spec.kind == WATCH_LOG)
		r->spec.a = name;
	watches[0] = watch_new(&r->spec, e);
	watches[1] = watches[0] ? watch_new(&end, e) : NULL;
	user.fd = r->signals.fd;
	watches[2] = watches[1] ? watch_new(&user, e) : NULL;
	if (watches[2])
		rc = wait_until(r, c, pid, watches, e);
	for (size_t i = 0; i < 3; i++)
		watch_free(watches[i]);
	return rc;
}

/* Nothing half done: a program that did not become ready does not stay. */
static void take_back(struct client *c, pid_t pid)
{
	struct err ignored;

	client_say(c, "PROC KILL %d %d", (int)pid, SIGKILL);
	if (client_done(c, &ignored))
		return; /* it has ended, or the node has */
}

/* The environment's last word: where the program tells that it is ready. */
static int add_ready_variable(struct program *p, char ***env, struct err *e)
{
	*env = calloc(p->env_count + 2, sizeof(**env));
	if (!*env)
		return err_nomem(e);
	if (p->env_count)
		memcpy(*env, p->env, p->env_count * sizeof(**env));
	(*env)[p->env_count++] = (char *)(uintptr_t)"NEMU_READY_FD=3";
	p->env = *env;
	return 0;
}

static int describe(struct program *p, const struct call *call, struct readiness *r, char ***env,
		    struct err *e)
{
	if (program_of_call(p, call, e))
		return -1;
	p->tag = call_get(call, "--name");
	/* A tag must not be taken for a PID. */
	if (p->tag && (!name_valid(p->tag) || p->tag[strspn(p->tag, "0123456789")] == '\0')) {
		err_set(e, ERR_USAGE, 0, "--name %.80s: a tag is a name, and no number", p->tag);
		err_printable(e->text);
		return -1;
	}
	p->log = !call_get(call, "-i");
	for (int i = 0; i < 3 && p->log; i++)
		p->fds[i] = -1;
	p->fds[3] = r->child_fd;
	if (r->how == READY_NOTIFY)
		p->notify = &r->fd;
	return r->how == READY_FD ? add_ready_variable(p, env, e) : 0;
}

static int spawn_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(readiness) struct readiness r = { .fd = -1, .child_fd = -1, .signals = SIGNALS_NONE };
	own(mem) char **env = NULL;
	struct program p;
	pid_t pid;

	if (read_ready(&r, call, e) || describe(&p, call, &r, &env, e) || connect_node(&c, call, e))
		return -1;
	if (r.how != READY_NOW && signals_catch(&r.signals, false, e))
		return -1;
	if (call_run(&c, &p, &pid, e))
		return of_node(call, -1, e);
	drop_fd(&r.child_fd);
	if (r.how != READY_NOW && wait_ready(&r, &c, pid, e)) {
		take_back(&c, pid);
		if (r.given_up)
			signals_die_of(r.given_up);
		return err_prefix(e, "%s: %s", call->node, p.argv[0]);
	}
	if (printf("%d\n", (int)pid) >= 0 && !fflush(stdout))
		return 0;
	/* Nobody would know it. */
	err_os(e, errno, "standard output");
	take_back(&c, pid);
	return -1;
}

const struct verb applet_spawn_verbs[] = {
	{ NULL,
	  "prints its PID. What it prints goes to a log ('nemu logs'); with -i, to where ours goes. "
	  "--ready listen=tcp|udp/PORT, line=REGEX (in the log), fd (a newline to the "
	  "descriptor $NEMU_READY_FD), notify (sd_notify): returns when it is ready; if it "
	  "is not within -t (default 10s), ends it with 124",
	  WORDS({ "-u", "USER", 0 },
	    { "--cap", "NAME,...", 0 },
	    { "-d", "DIR", 0 },
	    { "-e", "NAME=VALUE", WORD_MANY },
	    { "--name", "TAG", 0 },
	    { "-i", NULL, 0 },
	    { "--ready", "HOW", 0 },
	    { "-t", "TIME", 0 },
	    { NULL, "CMD", WORD_NEED | WORD_TAIL },),
	  spawn_run },
	{ 0 },
};
