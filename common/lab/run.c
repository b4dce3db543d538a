/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A lab for as long as a command runs: see run.h. */
#include "lab/run.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/random.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "base/offspring.h"
#include "base/program.h"
#include "base/pidfd.h"
#include "base/procfile.h"
#include "base/signals.h"
#include "kernel/link.h"
#include "lab/calls.h"
#include "lab/end.h"
#include "lab/keeper.h"
#include "lab/log.h"
#include "lab/rundir.h"

#define WARDEN_NAME "nemu-warden"
#define PATIENCE_MS 3000 /* between SIGTERM and SIGKILL, and for a server's answer */

/* What the warden tells. */
struct news {
	enum news_of { NEWS_STARTED, NEWS_NOT_STARTED, NEWS_LEFT, NEWS_FAILED, NEWS_ENDED } what;
	int number; /* PID, errno, wait status */
	char text[256];
};

/* ------------------------------------------------------------------ what is there */

struct names {
	char **v;
	size_t n;
};

static void names_free(struct names *all)
{
	for (size_t i = 0; i < all->n; i++)
		free(all->v[i]);
	free(all->v);
}

static void keep_name(const struct iface *i, void *arg)
{
	struct names *all = arg;
	char **v = reallocarray(all->v, all->n + 1, sizeof(*v));

	if (!v)
		return;
	all->v = v;
	v[all->n] = strdup(i->name);
	if (v[all->n])
		all->n++;
}

static struct names interfaces(void)
{
	struct err ignored;
	own(netlink) struct netlink *nl = netlink_open(&ignored);
	struct names all = {0};

	if (nl && link_each(nl, keep_name, &all, &ignored))
		return all; /* as far as it was told */
	return all;
}

static bool has(const struct names *all, const char *name)
{
	for (size_t i = 0; i < all->n; i++)
		if (!strcmp(all->v[i], name))
			return true;
	return false;
}

/* ------------------------------------------------------------------ the warden */

struct warden {
	const struct lab_run *run;
	const char *lab;
	int line; /* to the process that the caller waits for */
	pid_t command;
	struct names before; /* interfaces here */
	bool alone;	     /* that process has gone */
};

/* What happens is told the other process, if it is still there. */
static void tell(int line, enum news_of what, int number, const char *fmt, ...)
	__attribute__((format(printf, 4, 5))); /* checked as such */

static void tell(int line, enum news_of what, int number, const char *fmt, ...)
{
	struct news n = { .what = what, .number = number };
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(n.text, sizeof(n.text), fmt, ap);
	va_end(ap);
	send(line, &n, sizeof(n), MSG_NOSIGNAL);
}

__attribute__((noreturn)) static void be_command(const struct warden *w, pid_t warden,
						 const sigset_t *mask)
{
	sigprocmask(SIG_SETMASK, mask, NULL);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() == warden && !setenv("NEMU_LAB", w->lab, 1))
		program_exec(w->run->argv);
	tell(w->line, NEWS_NOT_STARTED, errno, "%s", "");
	_exit(127);
}

/* Not so the keeper of a node: those of this lab end by themselves, and others are none of its business. */
static bool is_left(pid_t pid)
{
	return !procfile_is_called(pid, KEEPER_NAME);
}

/* That of a lab run within this one: without its caller it ends that, which no one else would do. */
static bool is_warden(pid_t pid)
{
	return procfile_is_called(pid, WARDEN_NAME);
}

/* A signal for all that is left and can be signalled. */
struct round {
	int signal; /* 0: none */
	size_t count;
};

static bool signal_child(pid_t pid, void *arg)
{
	struct round *round = arg;

	if (is_left(pid) && !kill(pid, is_warden(pid) ? SIGCONT : round->signal))
		round->count++;
	return false;
}

/* Waits for ends until the command's, or until nobody is left on the line. */
static void wait_for_command(struct warden *w, int signals, int *status)
{
	struct pollfd p[2] = { { .fd = w->line, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	struct signalfd_siginfo si;
	pid_t pid;

	for (;;) {
		while ((pid = waitpid(-1, status, WNOHANG)) > 0)
			if (pid == w->command)
				return;
		if (poll(p, 2, -1) < 0)
			continue;
		if (p[1].revents && read(signals, &si, sizeof(si)) < 0)
			continue;
		if (!p[0].revents)
			continue;
		w->alone = true;
		kill(w->command, SIGKILL);
		p[0].fd = -1;
	}
}

/* What the command has left running here: SIGTERM, then SIGKILL, until nothing is left. */
static void end_rest(const struct warden *w, int signals)
{
	int64_t limit = now_ms() + (w->alone ? 0 : PATIENCE_MS);
	struct pollfd p = { .fd = signals, .events = POLLIN };
	struct signalfd_siginfo si;
	bool told = false;

	for (;;) {
		bool hard = now_ms() >= limit;
		struct round round = { .signal = hard ? SIGKILL : told ? 0 : SIGTERM };

		offspring_find(getpid(), signal_child, &round);
		if (!round.count)
			return;
		told = true;
		if (poll(&p, 1, hard ? 20 : 100) > 0 && read(signals, &si, sizeof(si)) < 0)
			continue;
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
	}
}

/* Of a keeper's only the server: what runs in a node has no lock. */
static bool let_go_on(pid_t pid, void *keeper)
{
	kill(pid, SIGCONT);
	if (!keeper)
		offspring_find(pid, let_go_on, is_left(pid) ? NULL : &pid);
	return false;
}

/* Nodes first, as their ends take along much of what is left; then again, as what was left may have
 * made some meanwhile. What is stopped goes on: it may have the lab's lock. */
static int end_everything(const struct warden *w, int signals, struct err *e)
{
	int rc = 0;

	offspring_find(getpid(), let_go_on, NULL);
	for (int i = 0; i < 2; i++) {
		rc = end_all_nodes(w->lab, e) ? -1 : rc;
		end_rest(w, signals);
	}
	return end_all_nodes(w->lab, e) ? -1 : rc;
}

/* ---- what is told of before it goes */

static bool copy(int from, int to)
{
	char bytes[65536];
	ssize_t n, written = 0;

	errno = 0;
	while ((n = read(from, bytes, sizeof(bytes))) > 0 && written >= 0)
		for (ssize_t at = 0; at < n && written >= 0; at += written)
			written = write(to, bytes + at, (size_t)(n - at));
	return n == 0 && written >= 0;
}

/* DIR/NODE/PID, or DIR/NODE/PID.TAG. */
static int keep_log(const struct warden *w, const char *node, const struct value *process, struct err *e)
{
	int dir = w->run->logs;
	struct err none;
	pid_t pid = (pid_t)value_num(process, "pid", 0);
	own(fd) int from = log_open(w->lab, node, pid, NULL, &none), to = -1;
	const char *tag = value_text(process, "tag", NULL);
	char name[256];

	if (from < 0)
		return 0;
	snprintf(name, sizeof(name), "%s/%d%s%.80s", node, (int)pid, tag ? "." : "", tag ? tag : "");
	for (char *c = strchr(name, '/') + 1; *c; c++)
		if (*c == '/')
			*c = '_';
	if (mkdirat(dir, node, 0777) && errno != EEXIST)
		return err_os(e, errno, "%s/%s", w->run->keep_logs, node);
	to = openat(dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (to < 0)
		return err_os(e, errno, "%s/%s", w->run->keep_logs, name);
	return copy(from, to) ? 0 : err_os(e, errno, "%s/%s", w->run->keep_logs, name);
}

static void look_at_node(const struct warden *w, const char *node)
{
	own(client) struct client c = CLIENT_INIT;
	own(value_pool) struct value_pool pool = {0};
	struct err e = ERR_INIT;
	const struct value *all;

	if (client_open(&c, w->lab, node, &e))
		return; /* it is dead, or gone meanwhile */
	client_limit(&c, PATIENCE_MS);
	all = call_processes(&c, NULL, &pool, &e);
	if (!all && w->run->keep_logs && e.errnum == EAGAIN)
		tell(w->line, NEWS_FAILED, 0, "%s: %s", node, e.text);
	e.kind = ERR_NONE;
	if (w->run->strict)
		tell(w->line, NEWS_LEFT, 0, "node %s", node);
	for (size_t i = 0; i < value_len(all); i++) {
		const struct value *p = value_at(all, i);

		if (w->run->strict && !strcmp(value_text(p, "state", ""), "running"))
			tell(w->line, NEWS_LEFT, 0, "process %d in %s: %s",
			     (int)value_num(p, "pid", 0), node, value_text(p, "command", ""));
		if (w->run->keep_logs && !e.kind && keep_log(w, node, p, &e))
			tell(w->line, NEWS_FAILED, 0, "%s", e.text);
	}
}

static size_t command_of(pid_t pid, char *command, size_t size)
{
	size_t len = is_left(pid) ? procfile_read(pid, "cmdline", command, size) : 0;

	for (size_t i = 0; i + 1 < len; i++)
		if (!command[i])
			command[i] = ' ';
	return len;
}

static bool tell_of_child(pid_t pid, void *line)
{
	char command[200];

	if (command_of(pid, command, sizeof(command)))
		tell(*(int *)line, NEWS_LEFT, 0, "process %d: %s", (int)pid, command);
	return false;
}

/* What has become another user's, by a program that may do that. */
static bool tell_of_foreign(pid_t pid, void *line)
{
	char command[200];

	if (command_of(pid, command, sizeof(command)) && kill(pid, 0) && errno == EPERM)
		tell(*(int *)line, NEWS_FAILED, 0, "process %d: %s: it is another user's, and runs on", (int)pid,
		     command);
	return false;
}

static void look_here(struct warden *w)
{
	struct names now = interfaces();

	for (size_t i = 0; i < now.n; i++)
		if (!has(&w->before, now.v[i]))
			tell(w->line, NEWS_LEFT, 0, "interface %s", now.v[i]);
	names_free(&now);
	offspring_find(getpid(), tell_of_child, &w->line);
}

static void look_around(struct warden *w)
{
	struct err e = ERR_INIT;
	own(fd) int lab_fd = rundir_open_lab(w->lab, false, &e);
	own(names) char **names = lab_fd < 0 ? NULL : rundir_names(lab_fd, &e);

	for (char **n = names; n && *n; n++)
		look_at_node(w, *n);
	if (w->run->strict)
		look_here(w);
}

/* Ignores what a terminal or a user may send: only the end of the other makes it hurry. */
static int guard_signals(void)
{
	static const int ignored[] = { SIGINT, SIGQUIT, SIGTERM, SIGHUP, SIGTSTP, SIGTTIN, SIGTTOU };
	sigset_t set;

	for (size_t i = 0; i < sizeof(ignored) / sizeof(*ignored); i++)
		signal(ignored[i], SIG_IGN);
	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigprocmask(SIG_SETMASK, &set, NULL);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

__attribute__((noreturn)) static void be_warden(struct warden *w, const sigset_t *mask)
{
	struct err e = ERR_INIT;
	pid_t self = getpid();
	int signals, status = 0;

	prctl(PR_SET_NAME, WARDEN_NAME);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	if (w->run->strict)
		w->before = interfaces();
	signal(SIGCHLD, SIG_DFL);
	w->command = fork();
	if (!w->command)
		be_command(w, self, mask);
	/* SIGKILL may be for all of the other's group, as from timeout(1). A group of its own in that session would not
	 * do: where it is the only one beside an orphaned one, the end of its child is a reason for the kernel
	 * to send SIGHUP to that as soon as somebody in there is stopped (POSIX, _exit). */
	setsid();
	signals = guard_signals();
	if (w->command < 0) {
		tell(w->line, NEWS_NOT_STARTED, errno, "fork");
		tell(w->line, NEWS_ENDED, 0, "%s", "");
		_exit(1);
	}
	tell(w->line, NEWS_STARTED, w->command, "%s", "");
	wait_for_command(w, signals, &status);
	if (!w->alone && (w->run->strict || w->run->keep_logs))
		look_around(w);
	if (end_everything(w, signals, &e))
		tell(w->line, NEWS_FAILED, 0, "%s", e.text);
	offspring_find(self, tell_of_foreign, &w->line);
	while (waitpid(-1, NULL, WNOHANG) > 0)
		; /* keepers, as their nodes have ended */
	tell(w->line, NEWS_ENDED, status, "%s", "");
	_exit(0);
}

/* ------------------------------------------------------------------ the caller's process */

/* A name that no other lab has, nor had a moment ago. */
static int name_lab(char *name, size_t size, struct err *e)
{
	uint32_t number;

	do {
		own(fd) int fd = -1;

		if (getrandom(&number, sizeof(number), 0) != (ssize_t)sizeof(number))
			return err_os(e, errno, "random numbers");
		snprintf(name, size, "run-%d-%08x", (int)getpid(), (unsigned int)number);
		fd = rundir_open_lab(name, false, e);
		if (fd < 0)
			return e->kind == ERR_ABSENT ? 0 : -1;
	} while (true);
}

/* What a terminal sends has reached the command as well, and it may live on; but who sends a signal to
 * this process wants an end: after some time it is SIGKILL. */
static void pass_on(int signals, int command, int64_t *limit, int *ended_by)
{
	bool from_user;
	int sig = signals_read(signals, &from_user);

	if (!sig)
		return;
	if (from_user)
		signal_pidfd(command, sig);
	signals_note(ended_by, sig, from_user);
	if ((from_user || sig == SIGHUP) && *limit < 0)
		*limit = now_ms() + PATIENCE_MS;
}

/* 0: the end was told. */
static int follow(const struct lab_run *r, const char *lab, int line, int signals, int *status,
		  struct err *e)
{
	struct pollfd p[2] = { { .fd = line, .events = POLLIN }, { .fd = signals, .events = POLLIN } };
	own(fd) int command = -1; /* a pidfd */
	int64_t limit = -1;
	int failed = 0;

	for (;;) {
		struct news n;
		int ms = limit < 0 ? -1 : (int)(limit > now_ms() ? limit - now_ms() : 0);

		p[1].fd = command < 0 ? -1 : signals; /* what comes before is for the command, too */
		if (!poll(p, 2, ms) && command >= 0) {
			signal_pidfd(command, SIGKILL);
			limit = -1;
		}
		if (p[1].revents)
			pass_on(signals, command, &limit, r->ended_by);
		if (!p[0].revents)
			continue;
		if (recv(line, &n, sizeof(n), 0) != (ssize_t)sizeof(n))
			break;
		n.text[sizeof(n.text) - 1] = '\0';
		err_printable(n.text); /* it may be anybody's command line */
		if (n.what == NEWS_STARTED)
			command = open_pidfd(n.number);
		else if (n.what == NEWS_LEFT)
			r->left(n.text);
		else if (n.what == NEWS_FAILED)
			r->failed(n.text);
		else if (n.what == NEWS_NOT_STARTED) {
			failed = err_os(e, n.number, "%s", *n.text ? n.text : r->argv[0]);
			e->step = *n.text ? NULL : "exec";
		} else {
			*status = n.number;
			return failed;
		}
	}
	/* The warden was killed, and the command with it; what that has left has come to this process. */
	if (end_everything(&(struct warden){ .run = r, .lab = lab, .line = -1, .alone = true }, signals, e))
		return -1;
	return err_set(e, ERR_PEER, 0, "lab %s: its warden was killed", lab);
}

int lab_run(const struct lab_run *r, int *status, struct err *e)
{
	own(fd) int line = -1, far = -1;
	own(signals) struct signals signals = SIGNALS_NONE;
	struct warden w = { .run = r };
	char lab[64];
	int ends[2], rc;
	pid_t pid;

	if (name_lab(lab, sizeof(lab), e))
		return -1;
	if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends))
		return err_os(e, errno, "socketpair");
	line = ends[0];
	far = ends[1];
	if (signals_catch(&signals, false, e))
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1); /* should the warden be killed */
	pid = fork();
	if (pid < 0)
		return err_os(e, errno, "fork");
	if (!pid) {
		close(line);
		close(signals.fd);
		w.lab = lab;
		w.line = far;
		be_warden(&w, &signals.before);
	}
	drop_fd(&far);
	rc = follow(r, lab, line, signals.fd, status, e);
	waitpid(pid, NULL, 0);
	prctl(PR_SET_CHILD_SUBREAPER, 0);
	return rc;
}
