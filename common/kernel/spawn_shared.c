/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Starting a program from a child that shares the caller's memory until it executes: see
 * spawn_shared.h. That is what vfork(2) does, and saves copying page tables (a seventh of the
 * time of a short program), but unlike vfork the caller is not held up: the child has a stack of
 * its own and makes system calls without libc, as errno is the caller's.
 */
#include "kernel/spawn_shared.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/fds.h"
#include "kernel/rawcall.h"
#include "kernel/spawn_paths.h"

#if defined(RAWCALL) && !defined(__SANITIZE_ADDRESS__)

#define STACK 16384

struct spawn_work {
	const struct spawn *s;
	char **env;
	int tell;
	pid_t parent;
	char **paths;
	bool is_path; /* nothing to be searched for */
	char stack[STACK] __attribute__((aligned(16)));
};

bool spawn_shared_possible(const struct spawn *s)
{
	/* Not with a terminal: up to Linux 5.16 a SIGQUIT from there would dump both. */
	return !s->user && s->mntns < 0 && s->fds[3] < 0 && !s->controlling_tty;
}

/* ------------------------------------------------------------------ in the child */

static long call(long nr, long a, long b, long c)
{
	return rawcall(nr, a, b, c, 0, 0);
}

__attribute__((noreturn)) static void fail(const struct spawn_work *w, int step, long errnum)
{
	struct spawn_failure f = { step, (int)errnum };

	call(SYS_write, w->tell, (long)&f, sizeof(f));
	for (;;)
		call(SYS_exit_group, 127, 0, 0);
}

static void check(const struct spawn_work *w, int step, long ret)
{
	if (ret < 0)
		fail(w, step, -ret);
}

static void set_up(const struct spawn_work *w)
{
	const struct spawn *s = w->s;
	uint64_t no_signals = 0;

	if (s->cwd)
		check(w, SPAWN_CWD, call(SYS_chdir, (long)s->cwd, 0, 0));
	check(w, SPAWN_SESSION, call(SYS_setsid, 0, 0, 0));
	for (int i = 0; i < 3; i++)
		if (s->fds[i] >= 0)
			check(w, SPAWN_STDIO, call(SYS_dup3, s->fds[i], i, 0));
	/* Only what the caller has inherited matters: its own are close-on-exec already. */
	if (call(SYS_close_range, 3, (long)~0u, CLOSE_RANGE_CLOEXEC))
		for (int fd = 3; fd < FDS_SEEN; fd++)
			call(SYS_fcntl, fd, F_SETFD, FD_CLOEXEC);
	call(SYS_prctl, PR_SET_PDEATHSIG, SIGKILL, 0);
	if (call(SYS_getppid, 0, 0, 0) != w->parent)
		call(SYS_exit_group, 127, 0, 0);
	rawcall(SYS_rt_sigprocmask, SIG_SETMASK, (long)&no_signals, 0, sizeof(no_signals), 0);
}

/* As execvpe(3), but never by way of a shell. */
static int run_child(void *arg)
{
	const struct spawn_work *w = arg;
	long worst = ENOENT;

	set_up(w);
	for (char **p = w->paths; *p; p++) {
		long ret = -call(SYS_execve, (long)*p, (long)w->s->argv, (long)w->env);

		if (ret != ENOENT && ret != ENOTDIR && ret != EACCES)
			fail(w, SPAWN_EXEC, ret);
		/* Is it the file that is closed to this user, or a folder of the PATH? */
		if (w->is_path || (ret == EACCES && !call(SYS_faccessat, AT_FDCWD, (long)*p, F_OK)))
			worst = ret;
	}
	fail(w, SPAWN_EXEC, worst);
}

/* ------------------------------------------------------------------ in the caller */

pid_t spawn_shared(const struct spawn *s, int tell, struct spawn_work **work)
{
	struct spawn_work *w = malloc(sizeof(*w));
	pid_t pid;

	*work = w;
	if (!w)
		return -1;
	w->s = s;
	w->env = s->env ? s->env : environ;
	w->tell = tell;
	w->parent = getpid();
	w->paths = spawn_paths(s->executable, w->env);
	w->is_path = strchr(s->executable, '/');
	if (!w->paths) {
		free(w);
		*work = NULL;
		return -1;
	}
	pid = clone(run_child, w->stack + STACK, CLONE_VM | SIGCHLD, w);
	if (pid < 0) {
		spawn_shared_free(w);
		*work = NULL;
	}
	return pid;
}

void spawn_shared_free(struct spawn_work *w)
{
	if (!w)
		return;
	free(w->paths);
	free(w);
}

#else

bool spawn_shared_possible(const struct spawn *s)
{
	(void)s;
	return false;
}

pid_t spawn_shared(const struct spawn *s, int tell, struct spawn_work **work)
{
	(void)s;
	(void)tell;
	*work = NULL;
	errno = ENOSYS;
	return -1;
}

void spawn_shared_free(struct spawn_work *w)
{
	(void)w;
}

#endif
