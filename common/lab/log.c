/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs of processes: see log.h. */
#include "lab/log.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <regex.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "lab/rundir.h"

#define LINE_MAX_KEPT (1u << 20) /* a longer line is searched in parts */

int log_open(const char *lab, const char *node, pid_t pid, int *inotify, struct err *e)
{
	own(fd) int lab_fd = rundir_open_lab(lab, false, e), fd = -1;
	char path[NAME_MAX + 32], place[40];

	if (inotify)
		*inotify = -1;
	if (lab_fd < 0)
		return -1;
	snprintf(path, sizeof(path), ".%s/%d", node, (int)pid);
	fd = openat(lab_fd, path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, ENOENT,
			       "process %d has no log (it was started with its own output)",
			       (int)pid);
	if (fd < 0)
		return err_os(e, errno, "log of process %d", (int)pid);
	if (!inotify)
		return steal_fd(&fd);
	snprintf(place, sizeof(place), "/proc/self/fd/%d", fd);
	*inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	if (*inotify < 0 || inotify_add_watch(*inotify, place, IN_MODIFY) < 0) {
		err_os(e, errno, "inotify");
		drop_fd(inotify);
		return -1;
	}
	return steal_fd(&fd);
}

ssize_t log_read(int fd, void *block, size_t size)
{
	ssize_t n = read(fd, block, size);
	struct stat st;

	if (n || fstat(fd, &st) || st.st_size >= lseek(fd, 0, SEEK_CUR))
		return n;
	return lseek(fd, 0, SEEK_SET) < 0 ? -1 : read(fd, block, size);
}

struct log_search {
	int fd;
	regex_t regex;
	struct buf line; /* read, and not yet ended by a newline */
	bool found;
};

static int compile(regex_t *regex, const char *text, struct err *e)
{
	char why[200];
	int rc = regcomp(regex, text, REG_EXTENDED | REG_NOSUB);

	if (!rc)
		return 0;
	regerror(rc, regex, why, sizeof(why));
	return err_set(e, ERR_USAGE, 0, "%.80s: %s", text, why);
}

int log_check_regex(const char *text, struct err *e)
{
	regex_t regex;

	if (compile(&regex, text, e))
		return -1;
	regfree(&regex);
	return 0;
}

struct log_search *log_search_new(const char *lab, const char *node, pid_t pid, const char *regex,
				  int *inotify, struct err *e)
{
	struct log_search *s = calloc(1, sizeof(*s));

	if (!s) {
		err_nomem(e);
		return NULL;
	}
	if (compile(&s->regex, regex, e)) {
		free(s);
		return NULL;
	}
	s->fd = log_open(lab, node, pid, inotify, e);
	if (s->fd >= 0)
		return s;
	log_search_free(s);
	return NULL;
}

static void search_line(struct log_search *s, char *line, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (!line[i])
			line[i] = '?';
	line[len] = '\0';
	s->found |= !regexec(&s->regex, line, 0, NULL, 0);
}

/* Searches what ends with a newline, and looks at the rest without taking it. */
static void search(struct log_search *s)
{
	size_t start = 0;

	if (!buf_room(&s->line, 1))
		return;
	while (start < s->line.len) {
		char *line = s->line.data + start;
		char *end = memchr(line, '\n', s->line.len - start);

		if (!end)
			break;
		search_line(s, line, (size_t)(end - line));
		start += (size_t)(end - line) + 1;
	}
	buf_consume(&s->line, start);
	if (s->line.len && !s->found && buf_room(&s->line, 1))
		search_line(s, s->line.data, s->line.len);
	if (s->line.len > LINE_MAX_KEPT)
		buf_consume(&s->line, s->line.len);
}

int log_search_look(struct log_search *s, struct err *e)
{
	ssize_t n;

	while (!s->found) {
		char *room = buf_room(&s->line, 65536);

		if (!room)
			return err_nomem(e);
		n = log_read(s->fd, room, 65536);
		if (n < 0)
			return err_os(e, errno, "log");
		if (n == 0)
			return 0;
		if (s->line.len && lseek(s->fd, 0, SEEK_CUR) == n) { /* cut short: what there was is no part of a line now */
			memmove(s->line.data, room, (size_t)n);
			s->line.len = 0;
		}
		s->line.len += (size_t)n;
		search(s);
	}
	return 1;
}

void log_search_free(struct log_search *s)
{
	if (!s)
		return;
	if (s->fd >= 0)
		close(s->fd);
	regfree(&s->regex);
	buf_free(&s->line);
	free(s);
}
