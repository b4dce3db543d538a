/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Every process that the node's server started: see children.h. */
#include "children.h"

#include <errno.h>
#include <search.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/offspring.h"
#include "kernel/spawn.h"
#include "log.h"
#include "wire/pickle.h"

#define HASH 1024
#define KEEP_ENDED 4096
#define COMMAND_MAX 4096 /* of a command line in a listing */

struct children {
	struct child *hash[HASH];
	struct child *first, *last;
	size_t running, ended;
	void *told; /* a tsearch(3) of what was adopted and has got SIGTERM, as the node ends */
};

int children_init(struct server *s, struct err *e)
{
	s->children = calloc(1, sizeof(*s->children));
	return s->children ? 0 : err_nomem(e);
}

static void unlink_child(struct server *s, struct child *c)
{
	struct children *all = s->children;
	struct child **p = &all->hash[(unsigned int)c->pid % HASH];

	while (*p != c)
		p = &(*p)->hash_next;
	*p = c->hash_next;
	*(c->prev ? &c->prev->next : &all->first) = c->next;
	*(c->next ? &c->next->prev : &all->last) = c->prev;
	if (c->state == CHILD_ENDED)
		all->ended--;
	else
		all->running--;
}

static void drop_start(struct server *s, struct child *c)
{
	if (c->report_id)
		loop_del(s->loop, c->report_id);
	if (c->report >= 0)
		close(c->report);
	c->report_id = 0;
	c->report = -1;
	if (c->spawn)
		spawn_release(c->spawn);
	free(c->spawn);
	c->spawn = NULL;
	plan_free(c->plan);
	c->plan = NULL;
	c->starter = NULL;
}

static void child_free(struct child *c)
{
	free(c->spawn);
	free(c->tag);
	free(c->user);
	free(c->command);
	free(c);
}

void children_told(struct child *c)
{
	if (c->xauth)
		unlink(c->xauth);
	free(c->xauth);
	c->xauth = NULL;
}

void children_forget(struct server *s, struct child *c)
{
	if (c->log)
		log_remove(s, c->pid);
	children_told(c);
	unlink_child(s, c);
	drop_start(s, c);
	child_free(c);
}

static void keep_key(void *pid)
{
	(void)pid;
}

void children_free(struct server *s)
{
	while (s->children->first)
		children_forget(s, s->children->first);
	tdestroy(s->children->told, keep_key);
	free(s->children);
}

static struct child *find_any(struct server *s, pid_t pid)
{
	struct child *c = s->children->hash[(unsigned int)pid % HASH];

	while (c && c->pid != pid)
		c = c->hash_next;
	return c;
}

struct child *children_find(struct server *s, pid_t pid)
{
	struct child *c = find_any(s, pid);

	return c && !c->plan ? c : NULL;
}

int children_check_tag(struct server *s, const char *tag, struct err *e)
{
	for (struct child *c = s->children->last; c; c = c->prev)
		if (c->tag && (c->plan || c->state != CHILD_ENDED) && !strcmp(c->tag, tag))
			return err_set(e, ERR_VALUE, 0, "%.80s: a process of this name runs already", tag);
	return 0;
}

size_t children_running(const struct server *s)
{
	return s->children->running;
}

static char *join(char **argv)
{
	own(buf) struct buf b = {0};

	for (; *argv && b.len < COMMAND_MAX; argv++) {
		if (b.len)
			buf_addc(&b, ' ');
		buf_add(&b, *argv, strnlen(*argv, COMMAND_MAX));
	}
	return strdup(buf_cstr(&b));
}

static void insert(struct server *s, struct child *c)
{
	struct children *all = s->children;

	c->hash_next = all->hash[(unsigned int)c->pid % HASH];
	all->hash[(unsigned int)c->pid % HASH] = c;
	c->prev = all->last;
	*(all->last ? &all->last->next : &all->first) = c;
	all->last = c;
	all->running++;
}

static void started(void *obj, uint32_t events);

/* The server's user, without asking the name service. */
static char *own_user(void)
{
	char *name;

	if (geteuid() == 0)
		return strdup("root");
	return asprintf(&name, "%d", (int)geteuid()) < 0 ? NULL : name;
}

static struct child *child_new(struct plan *p)
{
	struct child *c = calloc(1, sizeof(*c));

	if (!c)
		return NULL;
	c->report = -1;
	c->spawn = calloc(1, sizeof(*c->spawn));
	c->command = join(p->argv);
	c->user = p->user ? strdup(p->user) : own_user();
	c->tag = p->tag ? strdup(p->tag) : NULL;
	if (!c->spawn || !c->command || !c->user || (p->tag && !c->tag)) {
		child_free(c);
		return NULL;
	}
	clock_gettime(CLOCK_REALTIME, &c->started);
	return c;
}

/* The plan is its maker's until the child runs. */
static int fork_child(struct server *s, struct child *c, struct plan *p, struct err *e)
{
	int logs = p->log ? log_begin(s, p->fds, e) : 0;
	struct child *old;

	if (logs < 0)
		return -1;
	*c->spawn = (struct spawn){
		.executable = p->executable,
		.argv = p->argv,
		.env = p->env,
		.cwd = p->cwd,
		.user = p->user,
		.caps = p->caps,
		.fds = { p->fds[0], p->fds[1], p->fds[2], p->fds[3] },
		.mntns = s->mntns,
		.own_file = p->xauth,
		.controlling_tty = p->tty,
	};
	if (spawn_start(c->spawn, &c->pid, &c->report, e))
		return -1;
	/* A process with this number is new: what was known by it has ended and is forgotten. */
	old = find_any(s, c->pid);
	if (old)
		children_forget(s, old);
	c->log = logs && log_name(s, c->pid);
	return 0;
}

int children_start(struct server *s, struct session *by, struct plan *p, struct err *e)
{
	struct child *c;

	/* Another may have got the name since it was given. */
	if (p->tag && children_check_tag(s, p->tag, e)) {
		plan_free(p);
		return -1;
	}
	c = child_new(p);
	if (!c) {
		plan_free(p);
		return err_nomem(e);
	}
	if (fork_child(s, c, p, e)) {
		child_free(c);
		plan_free(p);
		return -1;
	}
	c->server = s;
	c->xauth = p->xauth;
	p->xauth = NULL;
	insert(s, c);
	c->plan = p;
	c->starter = by;
	c->tied = p->tied ? by : NULL;
	c->report_id = loop_add(s->loop, c->report, EPOLLIN, started, c);
	if (!c->report_id) { /* no memory: it cannot be watched, so it must not run */
		kill(c->pid, SIGKILL);
		c->unwanted = true; /* and is forgotten when it has ended: it may use its plan until then */
		c->starter = NULL;
		return err_nomem(e);
	}
	by->wait.what = PARK_START;
	return 0;
}

int children_kill(const struct child *c, int sig)
{
	return c->state == CHILD_ENDED ? 0 : kill(-c->pid, sig);
}

/* One that starts may have no group yet, and is told when it runs. */
static void tell_to_end(struct child *c)
{
	if (c->plan || c->told_to_end)
		return;
	c->told_to_end = true;
	children_kill(c, SIGTERM);
	children_kill(c, SIGCONT); /* a stopped one would not hear it */
}

/* Nobody is left who would ask for it. */
static void hang_up(struct server *s, struct child *c)
{
	if (c->state == CHILD_ENDED) {
		children_forget(s, c);
		return;
	}
	children_kill(c, SIGHUP);
	children_kill(c, SIGCONT);
}

/* The report pipe has ended, or holds the reason why the program does not run. */
static void started(void *obj, uint32_t events)
{
	struct child *c = obj;
	struct server *s = c->server;
	struct session *by = c->starter;
	struct err e = ERR_INIT;
	int result = spawn_result(c->spawn, c->report, &e);

	(void)events;
	if (result > 0)
		return;
	if (result < 0) {
		children_forget(s, c);
		if (by)
			session_reply_error(by, &e);
	} else {
		drop_start(s, c);
		if (by)
			session_replyf(by, 200, "%d running.", (int)c->pid);
		if (s->ending)
			tell_to_end(c);
		if (c->unwanted)
			hang_up(s, c);
	}
	if (by)
		session_resume(by);
}

void children_session_gone(struct server *s, struct session *gone)
{
	for (struct child *c = s->children->last, *before; c; c = before) {
		before = c->prev;
		if (c->starter == gone)
			c->starter = NULL;
		if (c->tied != gone)
			continue;
		c->tied = NULL;
		c->unwanted = true;
		if (!c->plan) /* else it may have no group yet: it hears of it when it has started */
			hang_up(s, c);
	}
}

static void tell_session(struct session *w, struct child *c)
{
	if (w->wait.what != PARK_END && w->wait.what != PARK_FIRST)
		return;
	for (size_t i = 0; i < w->wait.count; i++) {
		if (w->wait.pids[i] != c->pid)
			continue;
		children_told(c);
		if (w->wait.what == PARK_END)
			session_replyf(w, 200, "%d exitcode.", c->status);
		else
			session_replyf(w, 200, "%d %d ended.", (int)c->pid, c->status);
		session_resume(w);
		return;
	}
}

static void forget_oldest(struct server *s)
{
	struct child *c = s->children->first;

	while (c && (c->state != CHILD_ENDED || c->plan))
		c = c->next;
	if (c)
		children_forget(s, c);
}

/* WAIT reports an end and forgets it; those who wait with NEXT only look. */
static void ended(struct server *s, struct child *c, int status)
{
	bool told = false;

	c->state = CHILD_ENDED;
	c->status = status;
	clock_gettime(CLOCK_REALTIME, &c->ended);
	s->children->running--;
	s->children->ended++;
	for (struct session *w = s->sessions; w; w = w->next) {
		told |= w->wait.what == PARK_END && w->wait.pids[0] == c->pid;
		tell_session(w, c);
	}
	if (told || c->unwanted)
		children_forget(s, c);
	else if (s->children->ended > KEEP_ENDED)
		forget_oldest(s);
}

void children_reap(struct server *s)
{
	struct child *c;
	int status;
	pid_t pid;

	while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
		c = find_any(s, pid);
		if (c && c->state != CHILD_ENDED)
			ended(s, c, status);
		if (pid == s->init) { /* nothing can start any more in its PID namespace */
			s->init = 0;
			server_end(s);
		}
	}
}

static int64_t ms(const struct timespec *t)
{
	return (int64_t)t->tv_sec * 1000 + t->tv_nsec / 1000000;
}

static void describe(struct buf *b, const struct child *c, int64_t now)
{
	bool over = c->state == CHILD_ENDED;

	pickle_dict(b);
	pickle_set_int(b, "pid", c->pid);
	pickle_set_str(b, "tag", c->tag);
	pickle_set_str(b, "user", c->user);
	pickle_set_str(b, "state", over ? "ended" : "running");
	pickle_set_int(b, "started", ms(&c->started));
	pickle_set_int(b, "age", (over ? ms(&c->ended) : now) - ms(&c->started));
	pickle_str(b, "status");
	if (over)
		pickle_int(b, c->status);
	else
		pickle_none(b);
	pickle_set_str(b, "command", c->command);
	pickle_set_bool(b, "log", c->log);
	pickle_dict_end(b);
}

void children_describe(struct server *s, struct buf *b, const char *only)
{
	struct timespec t;
	char pid[16];

	clock_gettime(CLOCK_REALTIME, &t);
	pickle_list(b);
	for (const struct child *c = s->children->first; c; c = c->next) {
		if (c->plan)
			continue;
		snprintf(pid, sizeof(pid), "%d", (int)c->pid);
		if (!only || !strcmp(only, pid) || (c->tag && !strcmp(only, c->tag)))
			describe(b, c, ms(&t));
	}
	pickle_list_end(b);
}

static int by_number(const void *a, const void *b)
{
	return (a > b) - (a < b);
}

/* What descends from the node's processes and has no parent left but this one, or the first of the PID namespace;
 * once each. */
static bool end_adopted(pid_t pid, void *server)
{
	struct server *s = server;
	const struct child *c = find_any(s, pid);
	void *key = (void *)(intptr_t)pid;

	if (pid == s->init || (c && c->state != CHILD_ENDED) || tfind(key, &s->children->told, by_number))
		return false;
	tsearch(key, &s->children->told, by_number);
	kill(pid, SIGTERM);
	kill(pid, SIGCONT);
	return false;
}

static bool kill_adopted(pid_t pid, void *unused)
{
	(void)unused;
	kill(pid, SIGKILL);
	return false;
}

static bool any_child(void)
{
	siginfo_t si;

	return !waitid(P_ALL, 0, &si, WEXITED | WNOHANG | WNOWAIT);
}

bool children_end_step(struct server *s, bool hard)
{
	if (!any_child())
		return true;
	for (struct child *c = s->children->first; c; c = c->next) {
		if (!hard) {
			tell_to_end(c);
		} else if (c->state != CHILD_ENDED) {
			kill(-c->pid, SIGKILL);
			kill(c->pid, SIGKILL); /* it may not have its group yet */
		}
	}
	offspring_find(getpid(), hard ? kill_adopted : end_adopted, s);
	if (s->init && !hard)
		offspring_find(s->init, end_adopted, s);
	/* It ends when nothing is left to it; or takes that along. */
	if (s->init && (hard || !s->children->running))
		kill(s->init, hard ? SIGKILL : SIGTERM);
	children_reap(s);
	return !any_child();
}
