/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket that breaks in the middle of an answer; dumps that fail, or in which something has changed. (What it
 * is used for: tests/labs.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <linux/netlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>

#include "base/value.h"
#include "kernel/diag.h"
#include "kernel/link.h"
#include "kernel/netlink.h"

static int newest_descriptor(void)
{
	int next = dup(0);

	close(next);
	return next - 1;
}

/* Another socket in its place, on which nothing comes. */
static void cut_off(int fd)
{
	const struct timeval soon = { .tv_usec = 1000 };
	int ends[2];

	assert_int_equal(socketpair(AF_UNIX, SOCK_DGRAM, 0, ends), 0);
	assert_int_equal(setsockopt(ends[0], SOL_SOCKET, SO_RCVTIMEO, &soon, sizeof(soon)), 0);
	assert_int_equal(dup2(ends[0], fd), fd);
	close(ends[0]);
	close(ends[1]);
}

static void test_broken(void **state)
{
	struct err e = ERR_INIT;
	struct netlink *nl = netlink_open(&e);
	struct iface i;
	int fd = newest_descriptor(), saved;

	(void)state;
	assert_non_null(nl);
	assert_int_equal(link_by_name(nl, "lo", &i, &e), 0);
	assert_int_equal(link_by_name(nl, "nosuch", &i, &e), -1);
	assert_int_equal(e.errnum, ENODEV);
	assert_int_equal(link_by_name(nl, "lo", &i, &e), 0); /* a refusal is an answer */

	saved = dup(fd);
	cut_off(fd);
	assert_int_equal(link_by_name(nl, "lo", &i, &e), -1);
	assert_int_equal(e.kind, ERR_OS);
	assert_int_equal(dup2(saved, fd), fd);
	close(saved);
	assert_int_equal(link_by_name(nl, "lo", &i, &e), -1); /* though it could: who knows whose answer comes */
	assert_int_equal(e.kind, ERR_OS);
	assert_int_equal(netlink_mend(nl, &e), 0);
	assert_int_equal(link_by_name(nl, "lo", &i, &e), 0);
	netlink_close(nl);
}

static void count(uint32_t inode, void *arg)
{
	(void)inode;
	++*(int *)arg;
}

/* The end of a dump says that there is none for this protocol. */
static void test_failed_dump(void **state)
{
	struct err e = ERR_INIT;
	int n = 0;

	(void)state;
	assert_int_equal(diag_listening(IPPROTO_TCP, 1, count, &n, &e), 0);
	assert_int_equal(diag_listening(253, 1, count, &n, &e), -1);
	assert_int_equal(e.kind, ERR_FEATURE);
}

static int dumps, interrupted; /* how many have been read; so many are told to have been disturbed */

/* In place of libc's. */
ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	ssize_t n = syscall(SYS_recvmsg, fd, m, flags);
	struct nlmsghdr *h = m->msg_iov->iov_base;

	if (n > 0 && interrupted && h->nlmsg_flags & NLM_F_MULTI)
		h->nlmsg_flags |= NLM_F_DUMP_INTR;
	for (unsigned int left = n < 0 ? 0 : (unsigned int)n; NLMSG_OK(h, left); h = NLMSG_NEXT(h, left))
		if (h->nlmsg_type == NLMSG_DONE) {
			dumps++;
			interrupted -= interrupted > 0;
		}
	return n;
}

static void count_link(const struct iface *i, void *arg)
{
	*(int *)arg += i->index > 0;
}

/* Each interface is told of once, however often it takes. */
static void test_disturbed_dump(void **state)
{
	struct err e = ERR_INIT;
	struct netlink *nl = netlink_open(&e);
	int all = 0, n = 0;

	(void)state;
	assert_non_null(nl);
	assert_int_equal(link_each(nl, count_link, &all, &e), 0);
	assert_true(all > 0);
	dumps = 0;
	interrupted = 2;
	assert_int_equal(link_each(nl, count_link, &n, &e), 0);
	assert_int_equal(n, all);
	assert_int_equal(dumps, 3);
	n = 0;
	interrupted = 1000; /* for ever: then what there is has to do */
	assert_int_equal(link_each(nl, count_link, &n, &e), 0);
	assert_int_equal(n, all);
	assert_true(dumps < 100);
	interrupted = 0;
	netlink_close(nl);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_failed_dump),
		cmocka_unit_test(test_disturbed_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
