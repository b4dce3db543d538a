/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A process of its own: see apart.h. */
#include "lab/apart.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/fds.h"

void apart_become(const char *name, int *fds, size_t n)
{
	int null = open("/dev/null", O_RDWR);
	sigset_t none;

	prctl(PR_SET_NAME, name);
	for (int i = 0; i < 3; i++)
		dup2(null, i);
	for (size_t i = 0; i < n; i++) /* first out of the way of each other */
		fds[i] = fds[i] < 0 ? -1 : fcntl(fds[i], F_DUPFD_CLOEXEC, 16);
	for (size_t i = 0; i < n; i++)
		fds[i] = fds[i] < 0 ? -1 : dup3(fds[i], 3 + (int)i, O_CLOEXEC);
	close_fds_from(3 + (int)n);
	if (setsid() < 0 || chdir("/"))
		_exit(1);
	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	signal(SIGPIPE, SIG_IGN);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
