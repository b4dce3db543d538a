/* SPDX-License-Identifier: GPL-2.0-or-later */
/* exec and sh: run a program in a node, in the foreground. */
#include <errno.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include "applets.h"
#include "base/signals.h"
#include "ui/exit.h"
#include "ui/terminal.h"

/* The connection is held by the wait, so a signal goes over one of its own. */
static void forward(const struct call *call, pid_t pid, int sig)
{
	own(client) struct client c = CLIENT_INIT;
	struct err ignored;

	if (connect_node(&c, call, &ignored))
		return;
	client_say(&c, "PROC KILL %d %d", (int)pid, sig);
	if (client_done(&c, &ignored))
		return; /* it has ended meanwhile: the wait tells */
}

static void on_signal(struct call *call, struct terminal *t, pid_t pid, int signals)
{
	bool from_user;
	int sig = signals_read(signals, &from_user);

	switch (sig) {
	case 0:
		break;
	case SIGWINCH:
		terminal_resize(t);
		break;
	case SIGTSTP:
		terminal_pause(t);
		raise(SIGSTOP);
		break;
	case SIGCONT:
		terminal_resume(t);
		break;
	default:
		signals_note(&call->ended_by, sig, from_user);
		forward(call, pid, sig);
	}
}

static int wait_end(struct call *call, struct client *c, struct terminal *t, pid_t pid,
		    int signals, struct err *e)
{
	int status, what;

	client_say(c, "PROC WAIT %d", (int)pid);
	do {
		what = client_poll(c, signals, t ? 0 : -1);
		if (!what)
			what = terminal_relay(t, c->fd, signals);
		if (what == 2)
			on_signal(call, t, pid, signals);
	} while (what == 2);
	if (what < 0 || (t && terminal_drain(t, call->ended_by ? -1 : signals))) {
		err_os(e, errno, "standard output");
		e->step = "output";
		return -1;
	}
	return client_number(c, &status, e) ? -1 : exit_from_status(status);
}

/* The program's end of the terminal is closed here before it starts to matter who has it open. */
static int start(const struct call *call, struct client *c, struct program *p, int *slave,
		 pid_t *pid, struct err *e)
{
	int rc;

	p->tied = true;
	if (*slave >= 0) {
		p->tty = true;
		p->fds[0] = p->fds[1] = p->fds[2] = *slave;
	}
	c->impatient = true; /* it may be long, as where users are asked for over a network */
	rc = call_run(c, p, pid, e);
	c->impatient = false;
	drop_fd(slave);
	return of_node(call, rc, e);
}

static void own_terminal(struct terminal **t)
{
	terminal_close(*t);
	*t = NULL;
}

static int run(struct call *call, struct program *p, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(signals) struct signals signals = SIGNALS_NONE;
	own(fd) int slave = -1;
	own(terminal) struct terminal *t = NULL;
	bool both = isatty(0) && isatty(1), from_user;
	pid_t pid;
	int rc;

	if (call_get(call, "-t") && call_get(call, "-T"))
		return err_set(e, ERR_USAGE, 0, "-t and -T exclude each other");
	if (connect_node(&c, call, e))
		return -1;
	if (call_get(call, "-t") || (both && !call_get(call, "-T"))) {
		t = terminal_open(&slave, e);
		if (!t)
			return -1;
	}
	/* What is meant for the program arrives here, and is passed on; with a terminal, what concerns it. */
	if (signals_catch(&signals, t != NULL, e))
		return -1;
	if (start(call, &c, p, &slave, &pid, e)) {
		int sig = e->errnum == EINTR ? signals_read(signals.fd, &from_user) : 0;

		if (sig) /* there is no program yet that it could be for; one that comes gets SIGHUP */
			signals_die_of(sig);
		return -1;
	}
	if (t)
		terminal_begin(t);
	rc = wait_end(call, &c, t, pid, signals.fd, e);
	own_terminal(&t);
	signals_settle(&call->ended_by, rc);
	if (rc < 0 && e->step && !strcmp(e->step, "output")) {
		if (e->errnum == EPIPE)
			signals_broken_pipe();
		return rc;
	}
	return of_node(call, rc, e);
}

int exec_run(struct call *call, struct err *e)
{
	struct program p;

	return program_of_call(&p, call, e) ? -1 : run(call, &p, e);
}

/* A shell whose prompt names the node, whatever its start-up files make of PS1. */
static int sh_run(struct call *call, struct err *e)
{
	const struct given *more = call_all(call, "-e");
	const char *shell = getenv("SHELL");
	char *argv[] = { (char *)(uintptr_t)(shell && *shell ? shell : "/bin/sh"), NULL };
	own(mem) char *prompt = NULL, *command = NULL;
	own(mem) char **env = calloc(more->n + 2, sizeof(*env));
	struct program p;

	if (program_of_call(&p, call, e))
		return -1;
	if (!env || asprintf(&prompt, "PS1=[%s] \\$ ", call->node) < 0 ||
	    asprintf(&command,
		     "PROMPT_COMMAND=case $PS1 in \"[%s]\"*) ;; *) PS1=\"[%s] $PS1\" ;; esac",
		     call->node, call->node) < 0)
		return err_nomem(e);
	env[0] = prompt;
	env[1] = command;
	for (size_t i = 0; i < more->n; i++)
		env[i + 2] = more->v[i];
	p.argv = argv;
	p.env = env;
	p.env_count = more->n + 2;
	return run(call, &p, e);
}

const struct verb applet_exec_verbs[] = {
	{ NULL,
	  "-t, -T: with a terminal of its own, without; by default with, if input and output are "
	  "one. The exit code is the program's; 128+n for a signal; 125 for a failure of ours; 126, "
	  "127 if it cannot be started, is not found",
	  WORDS(EXEC_WORDS, { NULL, "CMD", WORD_NEED | WORD_TAIL },),
	  exec_run },
	{ 0 },
};

const struct verb applet_sh_verbs[] = {
	{ NULL,
	  "$SHELL, with a prompt that names the node",
	  WORDS(EXEC_WORDS,),
	  sh_run },
	{ 0 },
};
