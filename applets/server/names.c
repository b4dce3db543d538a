/* SPDX-License-Identifier: GPL-2.0-or-later */
/* /etc/hosts and /etc/resolv.conf of a node: see names.h. */
#include "names.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hosts.h"
#include "kernel/addr.h"
#include "kernel/link.h"
#include "kernel/monitor.h"
#include "loop.h"
#include "server.h"

#define SETTLE_MS 50 /* after which changes by others are looked at, all at once */

/* Loopback's own and those of a link alone mean nothing elsewhere. */
static bool has_name(const struct address *a)
{
	return a->scope == RT_SCOPE_UNIVERSE || a->scope == RT_SCOPE_SITE;
}

/* ------------------------------------------------------------------ by commands */

void names_added(struct server *s, const struct address *a)
{
	char text[INADDR_TEXT];

	if (s->lab_fd >= 0 && inaddr_text(&a->local, text) && strncmp(text, "fe80:", 5) &&
	    strncmp(text, "127.", 4) && strcmp(text, "::1"))
		hosts_add(s->lab_fd, s->name, text, &s->names.next);
}

void names_removed(struct server *s, const struct address *a)
{
	char text[INADDR_TEXT];

	if (s->lab_fd < 0)
		return;
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
	if (nl && !addr_each(nl, keep_address, &all, &ignored))
		hosts_set(s->lab_fd, s->name, all.v, all.n, &s->names.next);
	for (size_t i = 0; i < all.n; i++)
		free(all.v[i]);
	free(all.v);
}

static void on_timer(void *obj, uint32_t events)
{
	struct server *s = obj;
	uint64_t count;

	(void)events;
	if (read(s->names.timer_fd, &count, sizeof(count)) < 0)
		return;
	names_look(s);
}

static void look_soon(struct server *s)
{
	struct itimerspec soon = { .it_value.tv_nsec = SETTLE_MS * 1000000L };

	timerfd_settime(s->names.timer_fd, 0, &soon, NULL);
}

static void on_change(void *obj, uint32_t events)
{
	struct server *s = obj;

	(void)events;
	if (monitor_global(s->names.monitor_fd))
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
	return loop_add(s->loop, s->names.monitor_fd, EPOLLIN, on_change, s) &&
			       loop_add(s->loop, s->names.timer_fd, EPOLLIN, on_timer, s)
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

/* ------------------------------------------------------------------ */

/* false: the machine has no such file, or forbids it. The folder was opened in the caller's mount namespace, from which nothing can be mounted here: so it
 * is found again by its name. */
static bool put_over(int fd, const char *path)
{
	char link[64], source[4096];
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	n = readlink(link, source, sizeof(source) - 1);
	if (n <= 0)
		return false;
	source[n] = '\0';
	return !mount(source, path, NULL, MS_BIND, NULL);
}

static bool write_servers(int fd, const struct inaddr *servers, size_t n)
{
	char text[256], addr[INADDR_TEXT];
	int len = snprintf(text, sizeof(text), "# This node's own: nemu(1).\n");

	for (size_t i = 0; i < n && i < 3; i++)
		len += snprintf(text + len, sizeof(text) - (size_t)len, "nameserver %s\n",
				inaddr_text(&servers[i], addr));
	return pwrite(fd, text, (size_t)len, 0) == len && !ftruncate(fd, len);
}

/* With no name server a name that is not in the hosts file is refused at once. */
static int make_resolv(struct server *s, struct err *e)
{
	char path[300];
	own(fd) int fd = -1;
	struct stat st;
	int rc = 0;

	snprintf(path, sizeof(path), ".resolv.%s", s->name);
	fd = openat(s->lab_fd, path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0644);
	if (fd < 0)
		return err_os(e, errno, "resolv.conf");
	if (fchmod(fd, 0644) || fstat(fd, &st) || !write_servers(fd, NULL, 0)) {
		rc = err_os(e, errno, "resolv.conf");
	} else {
		s->names.has_resolv = put_over(fd, "/etc/resolv.conf");
		s->names.resolv_dev = st.st_dev;
		s->names.resolv_ino = st.st_ino;
	}
	unlinkat(s->lab_fd, path, 0); /* what is mounted stays */
	return rc;
}

/* Somebody in the node may have taken the mount away: what is below is the machine's. */
void names_servers(struct server *s, const struct inaddr *servers, size_t n)
{
	own(fd) int fd = s->names.has_resolv ? open("/etc/resolv.conf", O_WRONLY | O_CLOEXEC | O_NONBLOCK) : -1;
	struct stat st;

	if (fd >= 0 && !fstat(fd, &st) && st.st_dev == s->names.resolv_dev &&
	    st.st_ino == s->names.resolv_ino)
		write_servers(fd, servers, n);
}

int names_begin(struct server *s, struct err *e)
{
	own(fd) int hosts = hosts_open(s->lab_fd);

	if (hosts < 0)
		return err_os(e, errno, "hosts file");
	hosts_del(s->lab_fd, s->name, NULL); /* what a dead node of this name has left */
	put_over(hosts, "/etc/hosts");
	return make_resolv(s, e) || prepare(s, e) ? -1 : 0;
}
