/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The hosts file of a lab: see hosts.h. */
#include "base/hosts.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"

#define MARK "# nemu"
#define LOOK 2048 /* bytes in which a line that can be used again is looked for */
#define FLAGS (O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK) /* it may be a FIFO */

int hosts_open(int lab_fd)
{
	static const char text[] = "127.0.0.1\tlocalhost\n"
				   "::1\tlocalhost ip6-localhost ip6-loopback\n"
				   "# Lines that end in \"" MARK "\" are the nodes'; add others behind them.\n";
	int fd = openat(lab_fd, HOSTS_FILE, O_RDWR | O_CREAT | O_EXCL | O_APPEND | FLAGS, 0644);

	if (fd < 0)
		return errno == EEXIST ? openat(lab_fd, HOSTS_FILE, O_RDONLY | FLAGS) : -1;
	errno = ENOSPC; /* if not all of it is written */
	if (fchmod(fd, 0644) || write(fd, text, sizeof(text) - 1) != (ssize_t)sizeof(text) - 1) {
		close(fd);
		return -1;
	}
	return fd;
}

/* A line of a node: "ADDRESS NODE # nemu", or the same as a comment that can be used again. */
struct line {
	size_t at, len; /* in the file, with its newline */
	bool live;
	char address[64];
};

static bool read_line(const char *text, size_t len, const char *node, struct line *l)
{
	char line[512], name[256], mark[8];

	if (len >= sizeof(line))
		return false;
	memcpy(line, text, len);
	line[len] = '\0';
	l->live = *line != '#';
	return sscanf(line + !l->live, "%63s %255s # %7s", l->address, name, mark) == 3 &&
	       !strcmp(name, node) && !strcmp(mark, "nemu");
}

/* The whole file, or max bytes from an offset on. */
static bool read_file(struct buf *b, int fd, size_t from, size_t max)
{
	struct stat st;
	char *room;
	ssize_t n;

	if (fstat(fd, &st) || (size_t)st.st_size <= from)
		return false;
	max = max && max < (size_t)st.st_size - from ? max : (size_t)st.st_size - from;
	room = buf_room(b, max);
	n = room ? pread(fd, room, max, (off_t)from) : -1;
	if (n > 0)
		b->len = (size_t)n;
	return n > 0;
}

/* The next line of the node from *at on; lines that are cut off at the end do not count. */
static bool next_line(const struct buf *b, size_t *at, const char *node, struct line *l)
{
	const char *newline;

	while (*at < b->len && (newline = memchr(b->data + *at, '\n', b->len - *at))) {
		l->at = *at;
		l->len = (size_t)(newline - b->data) + 1 - *at;
		*at += l->len;
		if (read_line(b->data + l->at, l->len - 1, node, l))
			return true;
	}
	return false;
}

static void blank(int fd, size_t at)
{
	if (pwrite(fd, "#", 1, (off_t)at) != 1)
		return; /* see hosts.h */
}

/* Of thousands of lines few begin so, and of these some may be the user's. */
static void blank_address(int fd, const struct buf *all, const char *node, const char *address)
{
	const char *at = all->data, *end = at + all->len, *newline;
	struct line l;
	char text[400];
	int len = snprintf(text, sizeof(text), "\n%s\t%s\t", address, node);

	while ((at = memmem(at, (size_t)(end - at), text, (size_t)len))) {
		at++;
		newline = memchr(at, '\n', (size_t)(end - at));
		if (newline && read_line(at, (size_t)(newline - at), node, &l)) {
			blank(fd, (size_t)(at - all->data));
			return;
		}
	}
}

void hosts_del(int lab_fd, const char *node, const char *address)
{
	own(fd) int fd = openat(lab_fd, HOSTS_FILE, O_RDWR | FLAGS);
	own(buf) struct buf all = {0};
	struct line l;
	size_t at = 0;

	if (fd < 0 || !read_file(&all, fd, 0, 0))
		return;
	if (address) {
		blank_address(fd, &all, node, address);
		return;
	}
	while (next_line(&all, &at, node, &l))
		if (l.live)
			blank(fd, l.at);
}

/* Writes it over a comment that has room for it. */
static bool reuse(int fd, size_t at, size_t size, const char *node, const char *address)
{
	char line[512];
	int len = snprintf(line, sizeof(line), "%s\t%s\t", address, node);
	size_t tail = sizeof(MARK); /* with the newline */

	if (len < 0 || (size_t)len + tail > size || size >= sizeof(line))
		return false;
	memset(line + len, ' ', size - (size_t)len);
	memcpy(line + size - tail, MARK "\n", tail);
	return pwrite(fd, line, size, (off_t)at) == (ssize_t)size;
}

/* How many of the addresses have found a line. */
static size_t reuse_lines(int fd, const char *node, char *const *addresses, size_t n, size_t *next)
{
	size_t done = 0;

	for (size_t looks = 0; looks < n && done < n; looks++) {
		own(buf) struct buf some = {0};
		size_t from = *next, at = 0;
		struct line l;

		if (from && !read_file(&some, fd, from, LOOK))
			from = 0;
		if (!from && !read_file(&some, fd, from, LOOK))
			break;
		while (done < n && next_line(&some, &at, node, &l)) {
			if (!l.live && reuse(fd, from + l.at, l.len, node, addresses[done]))
				done++;
		}
		*next = at ? from + at : 0;
	}
	return done;
}

/* Editors leave such lines, and so does printf(1). */
static bool is_cut_off(int fd)
{
	struct stat st;
	char last;

	return !fstat(fd, &st) && st.st_size > 0 && pread(fd, &last, 1, st.st_size - 1) == 1 && last != '\n';
}

static void append(int fd, const char *node, char *const *addresses, size_t n)
{
	own(buf) struct buf lines = {0};

	if (is_cut_off(fd))
		buf_addc(&lines, '\n');
	for (size_t i = 0; i < n; i++)
		buf_addf(&lines, "%s\t%s\t" MARK "\n", addresses[i], node);
	if (lines.failed || write(fd, lines.data, lines.len) != (ssize_t)lines.len)
		return; /* a full disk: see hosts.h */
}

void hosts_add(int lab_fd, const char *node, char *const *addresses, size_t n, size_t *next)
{
	own(fd) int fd = -1, end = -1;
	size_t done = 0;

	if (n && *next != HOSTS_NONE) {
		fd = openat(lab_fd, HOSTS_FILE, O_RDWR | FLAGS);
		done = fd < 0 ? 0 : reuse_lines(fd, node, addresses, n, next);
	}
	if (done == n)
		return;
	end = openat(lab_fd, HOSTS_FILE, O_RDWR | O_APPEND | FLAGS);
	if (end >= 0)
		append(end, node, addresses + done, n - done);
}

void hosts_set(int lab_fd, const char *node, char *const *addresses, size_t n, size_t *next)
{
	own(mem) bool *there = calloc(n + 1, sizeof(*there));
	own(mem) char **missing = calloc(n + 1, sizeof(*missing));
	own(fd) int fd = openat(lab_fd, HOSTS_FILE, O_RDWR | FLAGS);
	own(buf) struct buf all = {0};
	struct line l;
	size_t at = 0, i, m = 0;
	bool blanked = false;
	struct stat st;

	if (!there || !missing || fd < 0 || fstat(fd, &st) || (st.st_size && !read_file(&all, fd, 0, 0)))
		return;
	while (next_line(&all, &at, node, &l)) {
		for (i = 0; l.live && i < n && (there[i] || strcmp(l.address, addresses[i]));)
			i++;
		if (l.live && i < n)
			there[i] = true;
		else if (l.live) {
			blank(fd, l.at);
			*next = blanked ? *next : l.at;
			blanked = true;
		}
	}
	for (i = 0; i < n; i++)
		if (!there[i])
			missing[m++] = addresses[i];
	hosts_add(lab_fd, node, missing, m, next);
}
