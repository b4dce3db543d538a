/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Signals as something to read: see signals.h. */
#include "base/signals.h"

#include <errno.h>
#include <stddef.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* One that is blocked would come here even if it is ignored. */
static void add(sigset_t *set, const int *signals, size_t n)
{
	struct sigaction now;

	for (size_t i = 0; i < n; i++)
		if (!sigaction(signals[i], NULL, &now) && now.sa_handler != SIG_IGN)
			sigaddset(set, signals[i]);
}

static const int ends[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT };

int signals_catch(struct signals *s, bool terminal, struct err *e)
{
	static const int with_terminal[] = { SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;

	sigemptyset(&set);
	add(&set, ends, sizeof(ends) / sizeof(*ends));
	if (terminal)
		add(&set, with_terminal, sizeof(with_terminal) / sizeof(*with_terminal));
	s->fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->fd < 0)
		return err_os(e, errno, "signalfd");
	sigprocmask(SIG_BLOCK, &set, &s->before);
	return 0;
}

bool signals_is_end(int sig)
{
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (ends[i] == sig)
			return true;
	return false;
}

bool signals_end_pending(void)
{
	sigset_t set;

	sigpending(&set);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (sigismember(&set, ends[i]))
			return true;
	return false;
}

void signals_release(struct signals *s)
{
	bool from_user;

	if (s->fd < 0)
		return;
	while (signals_read(s->fd, &from_user))
		;
	sigprocmask(SIG_SETMASK, &s->before, NULL);
	close(s->fd);
	s->fd = -1;
}

int signals_read(int fd, bool *from_user)
{
	struct signalfd_siginfo si;

	if (read(fd, &si, sizeof(si)) != (ssize_t)sizeof(si))
		return 0;
	*from_user = si.ssi_code != SI_KERNEL;
	return (int)si.ssi_signo;
}

/* Negative until it is settled: from a terminal. */
void signals_note(int *ended_by, int sig, bool from_user)
{
	if (*ended_by <= 0)
		*ended_by = from_user ? sig : -sig;
}

void signals_settle(int *ended_by, int code)
{
	if (*ended_by < 0)
		*ended_by = code == 128 - *ended_by ? -*ended_by : 0;
}

void signals_die_of(int sig)
{
	sigset_t set;

	signal(sig, SIG_DFL);
	sigemptyset(&set);
	sigaddset(&set, sig);
	raise(sig);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	_exit(128 + sig);
}

void signals_broken_pipe(void)
{
	struct sigaction now;

	if (!sigaction(SIGPIPE, NULL, &now) && now.sa_handler != SIG_IGN)
		signals_die_of(SIGPIPE);
}
