/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/wire/passfd.c. After each, as many descriptors are open as before. */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/passfd.h"

#define MOST 253 /* that the kernel takes in one message */

static size_t open_descriptors(void)
{
	own(dir) DIR *dir = opendir("/proc/self/fd");
	size_t n = 0;

	assert_non_null(dir);
	while (readdir(dir))
		n++;
	return n;
}

struct fixture {
	int near, far;
	int null;
	size_t open;
};

static int set_up(void **state)
{
	struct fixture *f = malloc(sizeof(*f));
	int ends[2];

	f->open = open_descriptors();
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends))
		return -1;
	f->near = ends[0];
	f->far = ends[1];
	f->null = open("/dev/null", O_RDONLY | O_CLOEXEC);
	*state = f;
	return f->null < 0 ? -1 : 0;
}

static int tear_down(void **state)
{
	struct fixture *f = *state;
	size_t before = f->open;

	drop_fd(&f->near);
	drop_fd(&f->far);
	drop_fd(&f->null);
	free(f);
	if (open_descriptors() != before) {
		print_error("%zu descriptors, not %zu\n", open_descriptors(), before);
		return -1;
	}
	return 0;
}

/* Sends what passfd_send would not: any number of descriptors. */
static void send_many(const struct fixture *f, const void *payload, size_t len, size_t n)
{
	union {
		struct cmsghdr align;
		char space[CMSG_SPACE(sizeof(int) * MOST)];
	} control = {0};
	struct iovec iov = { .iov_base = (void *)(uintptr_t)payload, .iov_len = len };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (n) {
		msg.msg_control = &control;
		msg.msg_controllen = CMSG_SPACE(sizeof(int) * n);
		control.align.cmsg_level = SOL_SOCKET;
		control.align.cmsg_type = SCM_RIGHTS;
		control.align.cmsg_len = CMSG_LEN(sizeof(int) * n);
		for (size_t i = 0; i < n; i++)
			memcpy(CMSG_DATA(&control.align) + i * sizeof(int), &f->null, sizeof(int));
	}
	assert_int_equal(sendmsg(f->near, &msg, 0), len);
}

static bool same_file(int a, int b)
{
	struct stat sa, sb;

	assert_int_equal(fstat(a, &sa), 0);
	assert_int_equal(fstat(b, &sb), 0);
	return sa.st_dev == sb.st_dev && sa.st_ino == sb.st_ino && sa.st_rdev == sb.st_rdev;
}

static void test_one(void **state)
{
	struct fixture *f = *state;
	char payload[16];
	size_t count;
	int fd = -1;

	assert_int_equal(passfd_send(f->near, "PROC SIN", 8, &f->null, 1, 0), 0);
	assert_int_equal(passfd_recv(f->far, payload, sizeof(payload), 0, &fd, 1, &count), 8);
	assert_int_equal(count, 1);
	assert_memory_equal(payload, "PROC SIN", 8);
	assert_true(fd >= 0 && fd != f->null);
	assert_true(same_file(fd, f->null));
	assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
	close(fd);
}

static void test_three(void **state)
{
	struct fixture *f = *state;
	int sent[3] = { f->near, f->null, f->far }, got[3] = { -1, -1, -1 };
	char payload[16];
	size_t count;

	assert_int_equal(passfd_send(f->near, "PROC STD", 8, sent, 3, MSG_DONTWAIT), 0);
	assert_int_equal(passfd_recv(f->far, payload, sizeof(payload), 0, got, 3, &count), 8);
	assert_int_equal(count, 3);
	for (int i = 0; i < 3; i++) {
		assert_true(same_file(sent[i], got[i]));
		close(got[i]);
	}
}

/* More than are wanted: all are counted, the others closed. */
static void test_too_many(void **state)
{
	static const struct {
		size_t sent, max;
	} rows[] = { { 0, 0 }, { 0, 1 },   { 1, 0 },	{ 2, 1 },	 { 3, 1 },   { 2, 2 },
		     { 3, 2 }, { MOST, 0 }, { MOST, 1 }, { MOST, 3 }, { MOST, MOST } };
	struct fixture *f = *state;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t before = open_descriptors(), count = 4711;
		size_t kept = rows[i].sent < rows[i].max ? rows[i].sent : rows[i].max;
		int got[MOST];
		char byte;

		send_many(f, "x", 1, rows[i].sent);
		assert_int_equal(passfd_recv(f->far, &byte, 1, 0, got, rows[i].max, &count), 1);
		assert_int_equal(count, rows[i].sent);
		assert_int_equal(open_descriptors(), before + kept);
		for (size_t k = 0; k < kept; k++) {
			assert_true(same_file(got[k], f->null));
			close(got[k]);
		}
	}
}

/* No more than asked for is read, and the descriptor comes with the first byte of its message. */
static void test_at_most_len(void **state)
{
	struct fixture *f = *state;
	char payload[16];
	size_t count;
	int fd = -1;

	assert_int_equal(passfd_send(f->near, "PROC SIN\nHELP\n", 14, &f->null, 1, 0), 0);
	assert_int_equal(passfd_recv(f->far, payload, 4, 0, &fd, 1, &count), 4);
	assert_int_equal(count, 1);
	close(fd);
	assert_int_equal(passfd_recv(f->far, payload, 5, 0, &fd, 1, &count), 5);
	assert_int_equal(count, 0);
	assert_memory_equal(payload, " SIN\n", 5);
	assert_int_equal(passfd_recv(f->far, payload, sizeof(payload), 0, &fd, 1, &count), 5);
	assert_int_equal(count, 0);
	assert_memory_equal(payload, "HELP\n", 5);
}

static void test_two_messages(void **state)
{
	struct fixture *f = *state;
	size_t total = 0, count;
	char payload[16];
	int fds[2];

	for (int i = 0; i < 2; i++)
		assert_int_equal(passfd_send(f->near, "four", 4, &f->null, 1, 0), 0);
	for (size_t bytes = 0; bytes < 8;) {
		ssize_t n = passfd_recv(f->far, payload, sizeof(payload), 0, fds, 2, &count);

		assert_true(n > 0);
		bytes += (size_t)n;
		total += count;
		for (size_t i = 0; i < count; i++)
			close(fds[i]);
	}
	assert_int_equal(total, 2);
}

static void test_nothing_there(void **state)
{
	struct fixture *f = *state;
	size_t count = 4711;
	char byte;
	int fd;

	assert_int_equal(passfd_recv(f->far, &byte, 1, MSG_DONTWAIT, &fd, 1, &count), -1);
	assert_int_equal(errno, EAGAIN);
	assert_int_equal(count, 0);
	send_many(f, "x", 1, 0);
	drop_fd(&f->near);
	assert_int_equal(passfd_recv(f->far, &byte, 1, 0, &fd, 1, &count), 1);
	assert_int_equal(count, 0);
	count = 4711;
	assert_int_equal(passfd_recv(f->far, &byte, 1, 0, &fd, 1, &count), 0);
	assert_int_equal(count, 0);
}

static void test_no_socket(void **state)
{
	struct fixture *f = *state;
	size_t count = 4711;
	char byte;
	int fd;

	assert_int_equal(passfd_recv(f->null, &byte, 1, 0, &fd, 1, &count), -1);
	assert_int_equal(errno, ENOTSOCK);
	assert_int_equal(count, 0);
	assert_int_equal(passfd_send(f->null, "x", 1, &f->null, 1, 0), -1);
	assert_int_equal(errno, ENOTSOCK);
	fd = -1;
	assert_int_equal(passfd_send(f->near, "x", 1, &fd, 1, 0), -1);
	assert_int_equal(errno, EBADF);
}

/* A peer that has gone is an error, and no SIGPIPE: that would end this program. */
static void test_peer_gone(void **state)
{
	struct fixture *f = *state;

	drop_fd(&f->far);
	assert_int_equal(passfd_send(f->near, "x", 1, &f->null, 1, 0), -1);
	assert_int_equal(errno, EPIPE);
}

static void test_full(void **state)
{
	struct fixture *f = *state;
	size_t before = open_descriptors();
	int sent = 0, rc;

	while (!(rc = passfd_send(f->near, "PROC SIN", 8, &f->null, 1, MSG_DONTWAIT)))
		sent++;
	assert_int_equal(rc, -1);
	assert_true(errno == EAGAIN || errno == ETOOMANYREFS);
	assert_true(sent > 0);
	assert_int_equal(open_descriptors(), before);
}

/* Looked at only, it comes twice, and each time it is the caller's. */
static void test_peek(void **state)
{
	struct fixture *f = *state;
	size_t before = open_descriptors(), count;
	char byte;
	int fd;

	assert_int_equal(passfd_send(f->near, "1", 1, &f->null, 1, 0), 0);
	assert_int_equal(passfd_recv(f->far, &byte, 1, MSG_PEEK, NULL, 0, &count), 1);
	assert_int_equal(count, 1);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(passfd_recv(f->far, &byte, 1, 0, &fd, 1, &count), 1);
	assert_int_equal(count, 1);
	assert_true(same_file(fd, f->null));
	close(fd);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_one),	       TEST(test_three),	 TEST(test_too_many),
		TEST(test_at_most_len), TEST(test_two_messages), TEST(test_nothing_there),
		TEST(test_no_socket),  TEST(test_peer_gone),	 TEST(test_full),
		TEST(test_peek),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
