/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files for what processes print: see log.h. */
#include "log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server.h"

#define FRESH ".%s/new" /* until the process has a number */

struct place {
	char path[NAME_MAX + 32];
};

static struct place place_of(const struct server *s, pid_t pid)
{
	struct place p;

	snprintf(p.path, sizeof(p.path), ".%s/%d", s->name, (int)pid);
	return p;
}

static int make_fresh(const struct server *s, struct err *e)
{
	char path[NAME_MAX + 32];
	int fd;

	snprintf(path, sizeof(path), ".%s", s->name);
	if (mkdirat(s->lab_fd, path, 0700) && errno != EEXIST)
		return err_os(e, errno, "folder for logs");
	snprintf(path, sizeof(path), FRESH, s->name);
	unlinkat(s->lab_fd, path, 0);
	fd = openat(s->lab_fd, path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	return fd < 0 ? err_os(e, errno, "log") : fd;
}

/* The umask is that of the node's maker, and may be any; it is the programs'. */
static int open_fresh(const struct server *s, struct err *e)
{
	mode_t old = umask(077);
	int fd = make_fresh(s, e);

	umask(old);
	return fd;
}

int log_begin(const struct server *s, int *fds, struct err *e)
{
	int fd;

	if (fds[1] >= 0 && fds[2] >= 0)
		return 0;
	fd = open_fresh(s, e);
	for (int i = 1; i <= 2 && fd >= 0; i++)
		if (fds[i] < 0) {
			fds[i] = fcntl(fd, F_DUPFD_CLOEXEC, 3);
			if (fds[i] < 0)
				err_os(e, errno, "log");
		}
	if (fd >= 0)
		close(fd);
	if (!e->kind)
		return 1;
	e->step = "stdio";
	return -1;
}

bool log_name(const struct server *s, pid_t pid)
{
	char fresh[NAME_MAX + 32];

	snprintf(fresh, sizeof(fresh), FRESH, s->name);
	return !renameat(s->lab_fd, fresh, s->lab_fd, place_of(s, pid).path);
}

void log_remove(const struct server *s, pid_t pid)
{
	unlinkat(s->lab_fd, place_of(s, pid).path, 0);
}
