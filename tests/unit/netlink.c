/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A netlink socket that breaks in the middle of an answer; dumps that fail. (What it is used for: tests/labs.) */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <sys/socket.h>
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

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_broken),
		cmocka_unit_test(test_failed_dump),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
