/* SPDX-License-Identifier: GPL-2.0-or-later */
/* logs: what a process of a node has printed. */
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <sys/epoll.h>

#include "applets.h"
#include "base/num.h"
#include "base/signals.h"
#include "lab/log.h"

/* Copies what there is from here on. */
static int copy(int fd, struct err *e)
{
	char block[65536];
	ssize_t n;

	while ((n = log_read(fd, block, sizeof(block))) > 0)
		if (fwrite(block, 1, (size_t)n, stdout) != (size_t)n)
			return err_os(e, errno, "standard output");
	if (fflush(stdout))
		return err_os(e, errno, "standard output");
	return n < 0 ? err_os(e, errno, "log") : 0;
}

/* Goes to where the last lines begin. */
static int skip_to_last(int fd, int64_t lines, struct err *e)
{
	off_t end = lseek(fd, 0, SEEK_END), at = end;
	char block[4096];

	while (at > 0) {
		size_t len = at > (off_t)sizeof(block) ? sizeof(block) : (size_t)at;

		if (pread(fd, block, len, at - (off_t)len) != (ssize_t)len)
			return err_os(e, errno, "log");
		for (size_t i = len; i > 0; i--) {
			off_t behind = at - (off_t)(len - i);

			/* The newline that ends the last line begins no other. */
			if (block[i - 1] != '\n' || behind == end)
				continue;
			if (--lines == 0) {
				lseek(fd, behind, SEEK_SET);
				return 0;
			}
		}
		at -= (off_t)len;
	}
	lseek(fd, 0, SEEK_SET);
	return 0;
}

/* Readable when the log grows, or when nobody reads standard output any more: a log that does not grow would not tell,
 * and "logs -f | grep -q" not end. A file cannot be waited for, and needs not. */
static int wait_for(int inotify, struct err *e)
{
	struct epoll_event grows = { .events = EPOLLIN }, broken = { .events = 0 };
	own(fd) int fd = epoll_create1(EPOLL_CLOEXEC);

	if (fd < 0 || epoll_ctl(fd, EPOLL_CTL_ADD, inotify, &grows) ||
	    (epoll_ctl(fd, EPOLL_CTL_ADD, 1, &broken) && errno != EPERM))
		return err_os(e, errno, "epoll");
	return steal_fd(&fd);
}

static bool is_broken(void)
{
	struct pollfd p = { .fd = 1 };

	return poll(&p, 1, 0) > 0 && p.revents & (POLLERR | POLLHUP);
}

/* Until the process has ended, and all that it wrote has been copied. */
static int follow(struct client *c, int fd, int inotify, pid_t pid, struct err *e)
{
	own(fd) int both = wait_for(inotify, e);
	char events[4096];

	if (both < 0)
		return -1;
	client_say(c, "PROC NEXT %d", (int)pid);
	for (;;) {
		int what = client_poll(c, both, -1);

		while (read(inotify, events, sizeof(events)) > 0)
			;
		if (copy(fd, e))
			return -1;
		if (what == 1)
			return client_done(c, e);
		if (is_broken()) {
			signals_broken_pipe();
			return err_os(e, EPIPE, "standard output");
		}
	}
}

static int logs_run(struct call *call, struct err *e)
{
	own(client) struct client c = CLIENT_INIT;
	own(fd) int fd = -1, inotify = -1;
	const char *tail = call_get(call, "-n");
	int64_t lines = 0;
	pid_t pid;
	int rc;

	if (tail && !num_parse(tail, 0, INT64_MAX, &lines))
		return err_set(e, ERR_USAGE, 0, "-n %.40s: not a number of lines", tail);
	if (connect_node(&c, call, e))
		return -1;
	if (call_find(&c, call_get(call, "PID|TAG"), &pid, e))
		return of_node(call, -1, e);
	fd = log_open(call->lab, call->node, pid, &inotify, e);
	if (fd < 0)
		return of_node(call, -1, e);
	rc = !tail ? 0 : lines ? skip_to_last(fd, lines, e) : lseek(fd, 0, SEEK_END) < 0;
	if (!rc)
		rc = copy(fd, e);
	if (!rc && call_get(call, "-f"))
		rc = follow(&c, fd, inotify, pid, e);
	return of_node(call, rc, e);
}

const struct verb applet_logs_verbs[] = {
	{ NULL,
	  "-f: follows until the process ends; -n: only the last lines",
	  WORDS({ "-f", NULL, 0 }, { "-n", "LINES", 0 }, { NULL, "PID|TAG", WORD_NEED },),
	  logs_run },
	{ 0 },
};
