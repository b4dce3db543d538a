/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec: run a program in a node, in the foreground, with the caller's own descriptors. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/signalfd.h>
#include <unistd.h>

#include "applets.h"
#include "ui/exit.h"

/* The caller's descriptors, as far as they are open. */
static void own_stdio(struct program *p)
{
	for (int i = 0; i < 3; i++)
		p->fds[i] = fcntl(i, F_GETFD) < 0 ? -1 : i;
}

/* Signals that are meant for the program arrive here, and are passed on. */
static int catch_signals(struct err *e)
{
	sigset_t set;
	int fd;

	sigemptyset(&set);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGHUP);
	sigaddset(&set, SIGQUIT);
	sigprocmask(SIG_BLOCK, &set, NULL);
	fd = signalfd(-1, &set, SFD_CLOEXEC);
	return fd < 0 ? err_os(e, errno, "signalfd") : fd;
}

/* The connection is held by the wait, so a signal goes over one of its own. */
static void forward(const struct call *call, pid_t pid, int sig)
{
	own(client) struct client c = CLIENT_INIT;
	struct err ignored;

	if (connect_node(&c, call, &ignored))
		return;
	client_put(&c, "PROC KILL");
	client_put_i(&c, pid);
	client_put_i(&c, sig);
	client_end(&c);
	if (client_done(&c, &ignored))
		return; /* it has ended meanwhile: the wait tells */
}

static int wait_end(const struct call *call, struct client *c, pid_t pid, int signals,
		    struct err *e)
{
	char text[64];
	int code;

	client_put(c, "PROC WAIT");
	client_put_i(c, pid);
	client_end(c);
	while (client_poll(c, signals, -1) == 2) {
		struct signalfd_siginfo si;

		if (read(signals, &si, sizeof(si)) == (ssize_t)sizeof(si))
			forward(call, pid, (int)si.ssi_signo);
	}
	if (client_reply(c, &code, text, sizeof(text), e))
		return -1;
	return exit_from_status((int)strtol(text, NULL, 10));
}

static int exec_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(fd) int signals = -1;
	struct program p = program_of_call(call);
	pid_t pid;
	int code;

	own_stdio(&p);
	p.tied = true;
	if (connect_node(&c, call, e))
		return -1;
	signals = catch_signals(e);
	if (signals < 0)
		return -1;
	if (call_run(&c, &p, &pid, e))
		return of_node(call, -1, e);
	code = wait_end(call, &c, pid, signals, e);
	return of_node(call, code, e);
}

const struct verb applet_exec_verbs[] = {
	{ NULL,
	  "exit code: the program's; 128+n for a signal; 125 ours; 126, 127 not startable, not found",
	  { { "-u", "USER", 0 },
	    { "-d", "DIR", 0 },
	    { "-e", "NAME=VALUE", WORD_MANY },
	    { NULL, "CMD", WORD_NEED | WORD_TAIL } },
	  exec_run },
	{ 0 },
};
