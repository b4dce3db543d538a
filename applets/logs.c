/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs: what a process of a node has printed. */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>

#include "applets.h"
#include "lab/rundir.h"

static int open_log(const struct call *call, pid_t pid, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(call->lab, false, e);
	char path[NAME_MAX + 32];
	int fd;

	if (lab_fd < 0)
		return -1;
	snprintf(path, sizeof(path), ".%s/%d", call->node, (int)pid);
	fd = openat(lab_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, ENOENT,
			       "process %d has no log (it was started with its own output)",
			       (int)pid);
	return fd < 0 ? err_os(e, errno, "log of process %d", (int)pid) : fd;
}

static int copy(int fd, struct err *e)
{
	char block[65536];
	ssize_t n;

	while ((n = read(fd, block, sizeof(block))) > 0)
		if (fwrite(block, 1, (size_t)n, stdout) != (size_t)n)
			return err_os(e, errno, "standard output");
	return n < 0 ? err_os(e, errno, "log") : 0;
}

static int logs_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(fd) int fd = -1;
	pid_t pid;

	if (connect_node(&c, call, e))
		return -1;
	if (call_find(&c, call_get(call, "PID|TAG"), &pid, e))
		return of_node(call, -1, e);
	fd = open_log(call, pid, e);
	return of_node(call, fd < 0 ? -1 : copy(fd, e), e);
}

const struct verb applet_logs_verbs[] = {
	{ NULL, NULL, { { NULL, "PID|TAG", WORD_NEED } }, logs_run },
	{ 0 },
};
