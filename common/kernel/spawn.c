/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting a program: see spawn.h. */
#include "kernel/spawn.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fds.h"
#include "kernel/caps.h"
#include "kernel/spawn_paths.h"
#include "kernel/spawn_shared.h"
#include "kernel/userns.h"
#include "kernel/users.h"

static const char *const step_names[] = { "user", "cwd", "session", "stdio", "exec" };

__attribute__((noreturn)) static void fail(int report, enum spawn_step step, int errnum)
{
	struct spawn_failure f = { (int)step, errnum };

	if (write(report, &f, sizeof(f)) < 0)
		_exit(126);
	_exit(127);
}

/* A copy of env with the variables that belong to a user replaced. */
static char **user_env(char **env, const struct user *u)
{
	const char *names[] = { "HOME", "USER", "LOGNAME", "SHELL" };
	const char *values[] = { u->home, u->name, u->name, u->shell };
	size_t n = 0, out = 0;
	char **copy;

	while (env[n])
		n++;
	copy = calloc(n + 5, sizeof(*copy));
	if (!copy)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t len = strcspn(env[i], "=");
		bool drop = false;

		for (int k = 0; k < 4; k++)
			drop |= strlen(names[k]) == len && !strncmp(env[i], names[k], len);
		if (!drop)
			copy[out++] = env[i];
	}
	for (int k = 0; k < 4; k++)
		if (asprintf(&copy[out++], "%s=%s", names[k], values[k]) < 0)
			return NULL;
	return copy;
}

/* All from first on but two: the caller's, which nobody may hold while a user is looked up, which can take. */
static void close_rest(int first, int a, int b)
{
	int low = a < b ? a : b, high = a < b ? b : a;

	close_fds(first, low - 1);
	close_fds(first > low ? first : low + 1, high - 1);
	close_fds_from(first > high ? first : high + 1);
}

static void set_stdio(const struct spawn *s, int report)
{
	/* Descriptors that were passed are 3 or more, as the caller's 0 to 2 are always open; so
	 * the fourth is set when no other can stand in its place any more. */
	for (int i = 0; i < SPAWN_FDS; i++)
		if (s->fds[i] >= 0 && s->fds[i] != i && dup2(s->fds[i], i) < 0)
			fail(report, SPAWN_STDIO, errno);
	if (s->fds[3] == 3)
		fcntl(3, F_SETFD, 0);
	close_rest(s->fds[3] < 0 ? 3 : 4, report, s->mntns);
}

/* As execvpe(3), but never by way of a shell. An errno. */
static int exec_first(char *const *paths, bool is_path, char **argv, char **env)
{
	int worst = ENOENT;

	for (char *const *p = paths; *p; p++) {
		int errnum;

		execve(*p, argv, env);
		errnum = errno;
		if (errnum != ENOENT && errnum != ENOTDIR && errnum != EACCES)
			return errnum;
		/* Is it the file that is closed to this user, or a folder of the PATH? */
		if (is_path || (errnum == EACCES && !access(*p, F_OK)))
			worst = errnum;
	}
	return worst;
}

__attribute__((noreturn)) static void become(const struct spawn *s, int report, pid_t parent)
{
	char **env = s->env ? s->env : environ;
	char **paths = spawn_paths(s->executable, env);
	static struct user user; /* large, and of a process that has no other use for it */
	sigset_t none;

	if (!paths)
		fail(report, SPAWN_EXEC, ENOMEM);
	/* Out of the way of descriptor 3. */
	if (s->fds[3] >= 0) {
		int high = fcntl(report, F_DUPFD_CLOEXEC, 16);

		if (high < 0)
			fail(report, SPAWN_STDIO, errno);
		report = high;
	}
	set_stdio(s, report);
	if (s->user) {
		int rc = user_find(s->user, &user);

		if (rc)
			fail(report, SPAWN_USER, rc > 0 ? 0 : errno);
		env = user_env(env, &user);
		if (!env)
			fail(report, SPAWN_USER, ENOMEM);
		if (s->own_file && lchown(s->own_file, user.uid, user.gid))
			fail(report, SPAWN_USER, errno);
	}
	if (s->mntns >= 0 && setns(s->mntns, CLONE_NEWNS))
		fail(report, SPAWN_SESSION, errno);
	/* Before the user changes: who may start a program elsewhere may choose where it stands. */
	if (s->cwd && chdir(s->cwd))
		fail(report, SPAWN_CWD, errno);
	if (setsid() < 0)
		fail(report, SPAWN_SESSION, errno);
	if (s->controlling_tty && ioctl(0, TIOCSCTTY, 0))
		fail(report, SPAWN_SESSION, errno);
	if (s->user && caps_become(user.uid, user.gid, user.groups, user.group_count,
				   s->caps))
		fail(report, SPAWN_USER, errno);
	/* After the change of user, which takes it away. The parent may be gone by now. */
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (parent && getppid() != parent)
		_exit(127);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
	fail(report, SPAWN_EXEC, exec_first(paths, strchr(s->executable, '/'), s->argv, env));
}

int spawn_start(struct spawn *s, pid_t *pid, int *report, struct err *e)
{
	own(fd) int out = -1;
	int ends[2];
	pid_t parent = s->mntns >= 0 ? 0 : getpid(); /* unknown inside another PID namespace */

	if (pipe2(ends, O_CLOEXEC | O_NONBLOCK))
		return err_os(e, errno, "pipe");
	out = ends[1];
	*report = ends[0];
	s->work = NULL;
	s->failed = false;
	*pid = spawn_shared_possible(s) ? spawn_shared(s, out, &s->work) : fork();
	if (*pid < 0) {
		err_os(e, errno, "fork");
		drop_fd(report);
		e->step = "fork";
		return -1;
	}
	if (!*pid)
		become(s, out, parent);
	return 0;
}

void spawn_release(struct spawn *s)
{
	spawn_shared_free(s->work);
	s->work = NULL;
}

static void explain_user(const struct spawn *s, int errnum, struct err *e)
{
	if (caps_explain_kept(s->caps, errnum, s->user, e) || caps_explain_become(errnum, s->user, e))
		return;
	if (!userns_is_narrow() && errnum == EINVAL)
		err_set(e, ERR_OS, errnum,
			"user %s: an id of this user is not mapped in this lab, whose ids are those of /etc/subuid and "
			"/etc/subgid", s->user);
	else if (!userns_is_narrow() && errnum == EPERM && userns_denies_groups())
		err_set(e, ERR_OS, errnum, "user %s: setgroups(2) is denied in this user namespace", s->user);
	else if (!userns_is_narrow())
		err_os(e, errnum, "user %s", s->user);
	else if (*userns_refusal())
		err_set(e, ERR_OS, errnum, "user %s: made without root, this lab has one user: %s", s->user,
			userns_refusal());
	else
		err_set(e, ERR_OS, errnum,
			"user %s: made without root, this lab has one user; with newuidmap (package uidmap) and "
			"ranges in /etc/subuid and /etc/subgid it has all (nemu check id-ranges)",
			s->user);
}

static int tell_failure(const struct spawn *s, struct err *e)
{
	int step = s->failure.step, errnum = s->failure.errnum;

	switch (step) {
	case SPAWN_USER:
		if (!errnum)
			return err_set(e, ERR_VALUE, 0, "%s: no such user", s->user);
		explain_user(s, errnum, e);
		break;
	case SPAWN_CWD:
		err_os(e, errnum, "%s", s->cwd);
		break;
	case SPAWN_EXEC:
		err_os(e, errnum, "%s", s->executable);
		break;
	default:
		err_os(e, errnum, "%s", step_names[step]);
	}
	e->step = step_names[step];
	return -1;
}

int spawn_result(struct spawn *s, int report, struct err *e)
{
	struct spawn_failure f;
	ssize_t n;

	/* A child that has failed still has to end: until then its memory may be ours. That can take: it may be
	 * stopped, or close what was passed to it. */
	while ((n = read(report, &f, sizeof(f))) > 0 || (n < 0 && errno == EINTR))
		if (n == (ssize_t)sizeof(f)) {
			s->failure = f;
			s->failed = true;
		}
	if (n < 0 && errno == EAGAIN)
		return 1;
	return s->failed ? tell_failure(s, e) : 0;
}
