/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes, as the kernel tells of them: see monitor.h. */
#include "kernel/monitor.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <sys/socket.h>

#include "base/cleanup.h"

static int listen_to(int fd, unsigned int groups, struct err *e)
{
	struct sockaddr_nl nl = { .nl_family = AF_NETLINK, .nl_groups = groups };

	return bind(fd, (struct sockaddr *)&nl, sizeof(nl)) ? err_os(e, errno, "listening for changes") : 0;
}

int monitor_deaf(struct err *e)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	return fd < 0 ? err_os(e, errno, "listening for changes") : fd;
}

static int open_to(unsigned int groups, struct err *e)
{
	own(fd) int fd = monitor_deaf(e);

	return fd < 0 || listen_to(fd, groups, e) ? -1 : steal_fd(&fd);
}

int monitor_open(struct err *e)
{
	return open_to(RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR | RTMGRP_IPV4_ROUTE |
			       RTMGRP_IPV6_IFADDR | RTMGRP_IPV6_ROUTE, e);
}

int monitor_links(struct err *e)
{
	return open_to(RTMGRP_LINK, e);
}

int monitor_addresses(int fd, struct err *e)
{
	return listen_to(fd, RTMGRP_IPV4_IFADDR | RTMGRP_IPV6_IFADDR, e);
}

typedef void told_fn(const struct nlmsghdr *h, void *arg);

/* Reads all that was told. false: there was more than there was room for, and nobody knows what. */
static bool each_told(int fd, told_fn *fn, void *arg)
{
	_Alignas(struct nlmsghdr) char block[16384];
	bool all = true;
	ssize_t n;

	for (;;) {
		const struct nlmsghdr *h = (const void *)block;

		n = recv(fd, block, sizeof(block), MSG_DONTWAIT);
		if (n < 0 && errno == ENOBUFS)
			all = false;
		else if (n <= 0)
			return all;
		for (unsigned int left = n < 0 ? 0 : (unsigned int)n; NLMSG_OK(h, left);
		     h = NLMSG_NEXT(h, left))
			fn(h, arg);
	}
}

static void look_for_global(const struct nlmsghdr *h, void *found)
{
	const struct ifaddrmsg *a = NLMSG_DATA(h);

	*(bool *)found |= a->ifa_scope < RT_SCOPE_LINK;
}

bool monitor_global(int fd)
{
	bool found = false;

	return !each_told(fd, look_for_global, &found) || found;
}

struct gone {
	void (*fn)(int index, void *arg);
	void *arg;
};

static void look_for_gone(const struct nlmsghdr *h, void *arg)
{
	const struct gone *gone = arg;
	const struct ifinfomsg *i = NLMSG_DATA(h);

	/* Of another family it has only left a bridge. */
	if (h->nlmsg_type == RTM_DELLINK && i->ifi_family == AF_UNSPEC)
		gone->fn(i->ifi_index, gone->arg);
}

bool monitor_gone(int fd, void (*fn)(int index, void *arg), void *arg)
{
	return each_told(fd, look_for_gone, &(struct gone){ fn, arg });
}

static void ignore(const struct nlmsghdr *h, void *unused)
{
	(void)h;
	(void)unused;
}

void monitor_drain(int fd)
{
	each_told(fd, ignore, NULL);
}
