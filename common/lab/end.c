/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Ending nodes: see end.h. */
#include "lab/end.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/calls.h"
#include "lab/client.h"
#include "lab/rundir.h"

#define PATIENCE_S 5 /* with a server that does not answer */

static int pidfd_open(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

static void wait_gone(int pidfd)
{
	struct pollfd p = { .fd = pidfd, .events = POLLIN };

	while (poll(&p, 1, -1) < 0 && errno == EINTR)
		;
}

/* A server that hangs or was stopped. Its keeper does the rest; when that is done, the socket is
 * gone. */
static int end_by_force(const char *lab, const char *name, pid_t pid, struct err *e)
{
	own(fd) int pidfd = pid > 0 ? pidfd_open(pid) : -1, lab_fd = -1;

	if (pidfd < 0 || syscall(SYS_pidfd_send_signal, pidfd, SIGKILL, NULL, 0))
		return err_prefix(e, "%s", name);
	wait_gone(pidfd);
	lab_fd = rundir_lock_lab(lab, false, e);
	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	rundir_remove_node(lab_fd, name);
	rundir_unlock(lab_fd);
	rundir_remove_lab(lab);
	return 0;
}

/* Asks one node to end. *pidfd: what to wait for, -1: nothing. */
static int ask(const char *lab, const char *name, int *pidfd, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	struct timeval patience = { .tv_sec = PATIENCE_S };
	pid_t last;

	*pidfd = -1;
	if (client_open(&c, lab, name, e))
		return -1;
	setsockopt(c.fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof(patience));
	if (call_end(&c, &last, e)) {
		if (e->kind == ERR_PEER && e->errnum != EAGAIN)
			return 0; /* it was ending by itself */
		return end_by_force(lab, name, c.pid, e);
	}
	*pidfd = pidfd_open(last);
	return 0;
}

static int end_some(const char *lab, char *const *names, size_t n, bool tolerant, struct err *e)
{
	own(mem) int *pidfds = calloc(n + 1, sizeof(*pidfds));
	struct err first = ERR_INIT, one;

	if (!pidfds)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (ask(lab, names[i], &pidfds[i], &one) && !first.kind &&
		    !(tolerant && one.kind == ERR_ABSENT))
			first = one;
	for (size_t i = 0; i < n; i++) {
		if (pidfds[i] < 0)
			continue;
		wait_gone(pidfds[i]);
		close(pidfds[i]);
	}
	if (!first.kind)
		return 0;
	*e = first;
	return -1;
}

int end_nodes(const char *lab, char *const *names, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		own(client) struct client c = CLIENT_INIT;

		if (client_open(&c, lab, names[i], e))
			return -1;
	}
	return end_some(lab, names, n, true, e);
}

/* What stands in the folder although nobody serves it. */
static void sweep(const char *lab)
{
	struct err ignored;
	own(fd) int lab_fd = rundir_lock_lab(lab, false, &ignored);
	own(names) char **names = lab_fd < 0 ? NULL : rundir_names(lab_fd, &ignored);

	for (char **p = names; p && *p; p++) {
		bool stale;
		int fd = rundir_connect(lab_fd, *p, &stale, &ignored);

		if (fd >= 0)
			close(fd);
		else if (stale)
			rundir_remove_node(lab_fd, *p);
	}
	if (lab_fd >= 0) {
		rundir_remove_lab(lab);
		rundir_unlock(lab_fd);
	}
}

int end_all_nodes(const char *lab, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e);
	own(names) char **names = NULL;
	size_t n = 0;
	int rc;

	if (lab_fd < 0)
		return e->kind == ERR_ABSENT ? 0 : -1;
	names = rundir_names(lab_fd, e);
	if (!names)
		return -1;
	while (names[n])
		n++;
	rc = end_some(lab, names, n, true, e);
	sweep(lab);
	return rc;
}
