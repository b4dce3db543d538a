/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/hosts and /etc/resolv.conf of a node: see names.h. */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/cleanup.h"
#include "base/hosts.h"
#include "etc.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/monitor.h"
#include "loop.h"
#include "server.h"

#define SETTLE_MS 50 /* after which changes by others are looked at, all at once */
#define PUT_OFF_MAX 20
#define RESOLV_MAX 16384

/* Loopback's own and those of a link alone mean nothing elsewhere. */
static bool has_name(const struct address *a)
{
	return a->scope == RT_SCOPE_UNIVERSE || a->scope == RT_SCOPE_SITE;
}

/* ------------------------------------------------------------------ by commands */

void names_added(struct server *s, const struct address *a)
{
	char text[INADDR_TEXT];

	if (s->lab_fd < 0 || !inaddr_text(&a->local, text) || !strncmp(text, "fe80:", 5) ||
	    !strncmp(text, "127.", 4) || !strcmp(text, "::1"))
		return;
	memcpy(s->names.added[s->names.n_added++], text, sizeof(text));
	if (s->names.n_added == NAMES_ADDED)
		names_write(s);
}

void names_write(struct server *s)
{
	char *texts[NAMES_ADDED];

	if (!s->names.n_added)
		return;
	for (size_t i = 0; i < s->names.n_added; i++)
		texts[i] = s->names.added[i];
	hosts_add(s->lab_fd, s->name, texts, s->names.n_added, &s->names.next);
	s->names.n_added = 0;
}

void names_removed(struct server *s, const struct address *a)
{
	char text[INADDR_TEXT];

	if (s->lab_fd < 0)
		return;
	names_write(s);
	hosts_del(s->lab_fd, s->name, inaddr_text(&a->local, text));
	s->names.next = s->names.next == HOSTS_NONE ? 0 : s->names.next;
}

/* ------------------------------------------------------------------ by others */

struct texts {
	char **v;
	size_t n;
	int except; /* an interface whose addresses are the same in every node: uplink.h */
};

static void keep_address(const struct address *a, void *arg)
{
	struct texts *all = arg;
	char text[INADDR_TEXT], **v;

	if (!has_name(a) || a->index == all->except)
		return;
	v = reallocarray(all->v, all->n + 1, sizeof(*v));
	if (!v)
		return;
	all->v = v;
	v[all->n] = strdup(inaddr_text(&a->local, text));
	if (v[all->n])
		all->n++;
}

void names_look(struct server *s)
{
	struct texts all = { .except = s->uplink.holder ? s->uplink.index : 0 };
	struct err ignored;
	struct netlink *nl = server_netlink(s, &ignored);

	if (s->lab_fd < 0)
		return;
	names_write(s);
	if (nl && !addr_each(nl, keep_address, &all, &ignored))
		hosts_set(s->lab_fd, s->name, all.v, all.n, &s->names.next);
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i]);
	free(all.v);
}

static void look_at_files(struct server *s)
{
	if (!etc_look(s))
		return;
	s->names.next = 0;
	names_look(s); /* a line that came while the file was being replaced is not in the new one */
}

static void look_soon(struct server *s)
{
	struct itimerspec soon = { .it_value.tv_nsec = SETTLE_MS * 1000000L };

	timerfd_settime(s->names.timer_fd, 0, &soon, NULL);
}

static void on_timer(void *obj, uint32_t events)
{
	struct server *s = obj;
	uint64_t count;

	(void)events;
	if (read(s->names.timer_fd, &count, sizeof(count)) < 0)
		return;
	/* In the midst of many changes: when they are over, or from time to time. */
	if (monitor_global(s->names.monitor_fd) && ++s->names.put_off < PUT_OFF_MAX) {
		look_soon(s);
		return;
	}
	s->names.put_off = 0;
	s->names.soon = false;
	loop_set(s->loop, s->names.monitor_id, EPOLLIN);
	look_at_files(s);
	names_look(s);
}

static void on_change(void *obj, uint32_t events)
{
	struct server *s = obj;

	(void)events;
	/* Once the timer runs it tells what else comes, but for an error of the socket, which is read here. */
	if (!monitor_global(s->names.monitor_fd) || s->names.soon)
		return;
	s->names.soon = true;
	loop_set(s->loop, s->names.monitor_id, 0);
	look_soon(s);
}

static int prepare(struct server *s, struct err *e)
{
	s->names.monitor_fd = monitor_deaf(e);
	if (s->names.monitor_fd < 0)
		return -1;
	s->names.timer_fd = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
	if (s->names.timer_fd < 0)
		return err_os(e, errno, "timer");
	s->names.monitor_id = loop_add(s->loop, s->names.monitor_fd, EPOLLIN, on_change, s);
	return s->names.monitor_id && loop_add(s->loop, s->names.timer_fd, EPOLLIN, on_timer, s)
		       ? 0
		       : err_nomem(e);
}

int names_follow(struct server *s, struct err *e)
{
	if (s->names.monitor_fd < 0 || s->names.following)
		return 0;
	if (monitor_addresses(s->names.monitor_fd, e))
		return -1;
	s->names.following = true;
	look_soon(s);
	return 0;
}

int names_program(struct server *s, struct err *e)
{
	if (s->lab_fd >= 0) {
		names_write(s);
		etc_watch(s);
		look_at_files(s);
	}
	return names_follow(s, e);
}

/* Some programs take the old file away before the new one is there. */
void names_files_changed(struct server *s)
{
	struct stat st;

	look_at_files(s);
	if (s->lab_fd >= 0 && (!etc_is_seen(s, ETC_HOSTS) || !etc_is_seen(s, ETC_RESOLV) ||
			       fstatat(s->lab_fd, HOSTS_FILE, &st, AT_SYMLINK_NOFOLLOW)))
		look_soon(s);
}

/* ------------------------------------------------------------------ */

/* The lines that are the server's own. */
static void own_lines(struct buf *b, const struct inaddr *servers, size_t n)
{
	char text[INADDR_TEXT];

	buf_adds(b, "# This node's own: nemu(1).\n");
	for (size_t i = 0; i < n; i++)
		buf_addf(b, "nameserver %s\n", inaddr_text(&servers[i], text));
}

static bool read_resolv(int fd, struct buf *b)
{
	char *room = buf_room(b, RESOLV_MAX);
	ssize_t n = room ? pread(fd, room, RESOLV_MAX, 0) : -1;

	b->len = n > 0 ? (size_t)n : 0;
	return n >= 0 && n < RESOLV_MAX;
}

static bool write_over(int fd, const struct buf *text)
{
	return !text->failed && pwrite(fd, text->data, text->len, 0) == (ssize_t)text->len &&
	       !ftruncate(fd, (off_t)text->len);
}

/* In place of those that it wrote last; or, if somebody has written over them, before all else. What others have
 * written stays. */
static bool write_servers(struct server *s, int fd, const struct inaddr *servers, size_t n)
{
	own(buf) struct buf all = {0}, before = {0}, now = {0};
	const char *at, *end;

	if (!read_resolv(fd, &now))
		return false;
	end = now.data + now.len;
	own_lines(&before, s->names.servers, s->names.n_servers);
	at = before.failed ? NULL : memmem(now.data, now.len, before.data, before.len);
	if (at)
		buf_add(&all, now.data, (size_t)(at - now.data));
	if (at || n || !now.len)
		own_lines(&all, servers, n);
	at = at ? at + before.len : now.data;
	buf_add(&all, at, (size_t)(end - at));
	if (!write_over(fd, &all))
		return false;
	for (size_t i = 0; i < n; i++)
		s->names.servers[i] = servers[i];
	s->names.n_servers = n;
	return true;
}

/* With no name server a name that is not in the hosts file is refused at once. */
static int make_resolv(struct server *s, struct err *e)
{
	const char *path = etc_source(s, ETC_RESOLV);
	own(buf) struct buf text = {0};
	own(fd) int fd = -1;

	own_lines(&text, NULL, 0);
	unlinkat(s->lab_fd, path, 0); /* a dead node's, which may still be mounted somewhere */
	fd = openat(s->lab_fd, path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0 || fchmod(fd, 0644) || !write_over(fd, &text))
		return err_os(e, errno, "resolv.conf");
	return 0;
}

bool names_servers(struct server *s, const struct inaddr *servers, size_t n)
{
	own(fd) int fd = s->lab_fd < 0 ? -1 : openat(s->lab_fd, etc_source(s, ETC_RESOLV),
						     O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);

	etc_look(s);
	return fd >= 0 && write_servers(s, fd, servers, n) &&
	       etc_is_seen(s, ETC_RESOLV);
}

int names_begin(struct server *s, struct err *e)
{
	own(fd) int hosts = hosts_open(s->lab_fd);

	if (hosts < 0)
		return err_os(e, errno, "hosts file");
	hosts_del(s->lab_fd, s->name, NULL); /* what a dead node of this name has left */
	if (make_resolv(s, e))
		return -1;
	etc_begin(s);
	return prepare(s, e);
}
