/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * For a binary in which calls can be made to fail: the linker puts these in the place of the calls
 * (--wrap). With NEMU_FAULT=N:FILE the Nth of them in a node's server fails, once, as such a call
 * may, and its name is written to FILE. With NEMU_FAULT_FROM=FILE they count once that is there.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

/* Every call's prototype stands in its macro. */
#pragma GCC diagnostic ignored "-Wmissing-prototypes"

int __real_openat(int, const char *, int, ...);
ssize_t __real_write(int, const void *, size_t);
int __real_prctl(int, ...);

static bool in_server(void)
{
	char name[16] = "";

	return !__real_prctl(PR_GET_NAME, name) && !strcmp(name, "nemu-server");
}

static bool fault(const char *what)
{
	static long count, wanted = -1;
	static char file[4096];
	const char *env;
	int fd;

	if (wanted < 0) {
		env = getenv("NEMU_FAULT");
		wanted = env ? strtol(env, NULL, 10) : 0;
		if (env && strchr(env, ':'))
			snprintf(file, sizeof(file), "%s", strchr(env, ':') + 1);
	}
	if (!wanted || !in_server())
		return false;
	env = getenv("NEMU_FAULT_FROM");
	if ((!count && env && access(env, F_OK)) || ++count != wanted)
		return false;
	fd = __real_openat(AT_FDCWD, file, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	if (fd >= 0 && __real_write(fd, what, strlen(what)) >= 0 && __real_write(fd, "\n", 1) >= 0)
		close(fd);
	return true;
}

#define WRAP(type, name, params, args, bad, error) \
	type __real_##name params; \
	type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		if (fault(#name)) { \
			errno = (error); \
			return bad; \
		} \
		return __real_##name args; \
	}

WRAP(void *, malloc, (size_t n), (n), NULL, ENOMEM)
WRAP(void *, calloc, (size_t n, size_t m), (n, m), NULL, ENOMEM)
WRAP(void *, realloc, (void *p, size_t n), (p, n), NULL, ENOMEM)
WRAP(void *, reallocarray, (void *p, size_t n, size_t m), (p, n, m), NULL, ENOMEM)
WRAP(char *, strdup, (const char *s), (s), NULL, ENOMEM)
WRAP(ssize_t, read, (int fd, void *p, size_t n), (fd, p, n), -1, EINTR)
WRAP(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n), -1, ENOSPC)
WRAP(ssize_t, recv, (int fd, void *p, size_t n, int f), (fd, p, n, f), -1, ECONNRESET)
WRAP(ssize_t, send, (int fd, const void *p, size_t n, int f), (fd, p, n, f), -1, EPIPE)
WRAP(ssize_t, recvmsg, (int fd, struct msghdr *m, int f), (fd, m, f), -1, ENOBUFS)
WRAP(ssize_t, sendmsg, (int fd, const struct msghdr *m, int f), (fd, m, f), -1, ENOBUFS)
WRAP(int, pipe2, (int *ends, int f), (ends, f), -1, EMFILE)
WRAP(int, socket, (int d, int t, int p), (d, t, p), -1, EMFILE)
WRAP(int, bind, (int fd, const struct sockaddr *a, socklen_t n), (fd, a, n), -1, EADDRINUSE)
WRAP(int, listen, (int fd, int n), (fd, n), -1, EADDRINUSE)
WRAP(int, accept4, (int fd, struct sockaddr *a, socklen_t *n, int f), (fd, a, n, f), -1, ENFILE)
WRAP(int, epoll_create1, (int f), (f), -1, EMFILE)
WRAP(int, epoll_ctl, (int ep, int op, int fd, struct epoll_event *ev), (ep, op, fd, ev), -1, ENOSPC)
WRAP(int, epoll_wait, (int ep, struct epoll_event *ev, int n, int ms), (ep, ev, n, ms), -1, EINTR)
WRAP(int, dup2, (int a, int b), (a, b), -1, EMFILE)
WRAP(pid_t, fork, (void), (), -1, EAGAIN)
WRAP(int, signalfd, (int fd, const sigset_t *s, int f), (fd, s, f), -1, EMFILE)
WRAP(int, setns, (int fd, int f), (fd, f), -1, EPERM)
WRAP(int, unshare, (int f), (f), -1, ENOSPC)
WRAP(int, mkdirat, (int fd, const char *p, mode_t m), (fd, p, m), -1, ENOSPC)
WRAP(int, mkostemp, (char *t, int f), (t, f), -1, EMFILE)
WRAP(int, mount, (const char *a, const char *b, const char *c, unsigned long f, const void *d),
     (a, b, c, f, d), -1, EPERM)
WRAP(int, setsockopt, (int fd, int l, int o, const void *v, socklen_t n), (fd, l, o, v, n), -1, ENOMEM)
WRAP(int, getsockopt, (int fd, int l, int o, void *v, socklen_t *n), (fd, l, o, v, n), -1, ENOBUFS)
WRAP(FILE *, fopen, (const char *p, const char *m), (p, m), NULL, EMFILE)

/* With a variable number of arguments, which are words all of them. */
#define WRAP_ANY(type, name, first_type, bad, error) \
	type __real_##name(first_type, ...); \
	type __wrap_##name(first_type a, long b, long c, long d, long e, long f, long g); \
	type __wrap_##name(first_type a, long b, long c, long d, long e, long f, long g) \
	{ \
		if (fault(#name)) { \
			errno = (error); \
			return bad; \
		} \
		return __real_##name(a, b, c, d, e, f, g); \
	}

WRAP_ANY(int, fcntl, int, -1, EMFILE)
WRAP_ANY(int, ioctl, int, -1, EPERM)
WRAP_ANY(int, open, const char *, -1, EMFILE)
WRAP_ANY(long, syscall, long, -1, ENOMEM)

int __wrap_openat(int dir, const char *path, int flags, int mode);
int __wrap_openat(int dir, const char *path, int flags, int mode)
{
	if (fault("openat")) {
		errno = EMFILE;
		return -1;
	}
	return __real_openat(dir, path, flags, mode);
}

int __wrap_prctl(int a, long b, long c, long d, long e);
int __wrap_prctl(int a, long b, long c, long d, long e)
{
	if (fault("prctl")) {
		errno = EINVAL;
		return -1;
	}
	return __real_prctl(a, b, c, d, e);
}
