/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Processes as the fuzzed server sees them: numbers, of which it is told what the input wants. No program
 * is started and nobody is signalled; a signal for a process that was reaped already is an error. And
 * the system calls that would touch the machine.
 */
#include "stubs.h"

#include <errno.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../fuzz.h"
#include "base/seat.h"
#include "kernel/spawn.h"

#define PROCESSES 8
#define FIRST_PID 1000

struct process {
	enum { FREE, ALIVE, ZOMBIE } state;
	int status;
	int tell;	/* of its start; -1: that is over */
	bool failed;	/* it has told so, and has still to end */
	struct spawn_work *work;
};

struct spawn_work {
	char alive;
};

static struct process processes[PROCESSES];
static int files; /* made by mkostemp and not yet removed */
bool stubs_obey;

/* ------------------------------------------------------------------ processes */

static void check_spawn(const struct spawn *s)
{
	size_t bytes = strlen(s->executable);

	MUST(s->argv && s->argv[0] && s->env);
	for (char **v = s->argv; *v; v++)
		bytes += strlen(*v);
	for (char **v = s->env; *v; v++)
		bytes += strlen(*v);
	bytes += s->cwd ? strlen(s->cwd) : 0;
	bytes += s->user ? strlen(s->user) : 0;
	MUST(bytes < 1 << 30);
	for (int i = 0; i < SPAWN_FDS; i++)
		MUST(s->fds[i] < 0 || fcntl(s->fds[i], F_GETFD) >= 0);
}

int spawn_start(struct spawn *s, pid_t *pid, int *report, struct err *e)
{
	int ends[2], i = 0;

	check_spawn(s);
	while (i < PROCESSES && processes[i].state != FREE)
		i++;
	if (stubs_fails(e))
		return -1;
	if (i == PROCESSES)
		return err_os(e, EAGAIN, "fork");
	MUST(!pipe2(ends, O_CLOEXEC | O_NONBLOCK));
	s->work = calloc(1, sizeof(*s->work));
	processes[i] = (struct process){ .state = ALIVE, .tell = ends[1], .work = s->work };
	*pid = FIRST_PID + i;
	*report = ends[0];
	return 0;
}

void spawn_release(struct spawn *s)
{
	check_spawn(s);
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].work == s->work) {
			if (processes[i].tell >= 0)
				close(processes[i].tell);
			processes[i].tell = -1;
			processes[i].work = NULL;
		}
	free(s->work);
	s->work = NULL;
}

int spawn_result(struct spawn *s, int report, struct err *e)
{
	struct spawn_failure f;
	ssize_t n;

	check_spawn(s);
	while ((n = read(report, &f, sizeof(f))) == (ssize_t)sizeof(f)) {
		s->failure = f;
		s->failed = true;
	}
	if (n < 0)
		return 1;
	if (!s->failed)
		return 0;
	err_os(e, s->failure.errnum, "%s", s->executable);
	e->step = "exec";
	return -1;
}

static struct process *nth(unsigned int which, bool starting)
{
	for (unsigned int i = 0; i < PROCESSES; i++) {
		struct process *p = &processes[(which + i) % PROCESSES];

		if (p->state == ALIVE && (!starting || p->tell >= 0))
			return p;
	}
	return NULL;
}

static void end(struct process *p, int status)
{
	if (p->tell >= 0)
		close(p->tell);
	p->tell = -1;
	p->state = ZOMBIE;
	p->status = status;
}

bool stubs_started(unsigned int which)
{
	struct process *p = nth(which, true);

	if (!p)
		return false;
	if (p->failed) {
		end(p, 127 << 8);
		return true;
	}
	close(p->tell);
	p->tell = -1;
	return true;
}

bool stubs_not_started(unsigned int which, int step, int errnum)
{
	struct spawn_failure f = { step, errnum };
	struct process *p = nth(which, true);

	if (!p)
		return false;
	MUST(write(p->tell, &f, sizeof(f)) == (ssize_t)sizeof(f));
	p->failed = true;
	if (!(which & 0x40)) /* else it takes its time */
		end(p, 127 << 8);
	return true;
}

bool stubs_process_ends(unsigned int which, int status)
{
	struct process *p = nth(which, false);

	if (p)
		end(p, status);
	return p;
}

/* ------------------------------------------------------------------ system calls of the server */

int __wrap_kill(pid_t pid, int sig);
pid_t __wrap_waitpid(pid_t pid, int *status, int options);
int __wrap_waitid(idtype_t type, id_t id, siginfo_t *si, int options);
int __wrap_mkostemp(char *path, int flags);
int __wrap_unlink(const char *path);
int __wrap_access(const char *path, int mode);
int __real_access(const char *path, int mode);
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len);
int __real_bind(int fd, const struct sockaddr *a, socklen_t len);
int __real_unlink(const char *path);

int __wrap_kill(pid_t pid, int sig)
{
	int i = (pid < 0 ? -pid : pid) - FIRST_PID;

	if (pid > 0 && (i < 0 || i >= PROCESSES))
		return 0; /* a child of this process that is: the sanitizers' symbolizer */
	MUST(i >= 0 && i < PROCESSES && processes[i].state != FREE);
	if (sig < 0 || sig > 64) {
		errno = EINVAL;
		return -1;
	}
	if (processes[i].state == ALIVE && (sig == SIGKILL || (sig == SIGTERM && stubs_obey)))
		end(&processes[i], sig);
	return 0;
}

pid_t __wrap_waitpid(pid_t pid, int *status, int options)
{
	bool any = false;

	(void)options;
	for (int i = 0; i < PROCESSES; i++) {
		if (processes[i].state == FREE || (pid > 0 && pid != FIRST_PID + i))
			continue;
		any = true;
		if (processes[i].state == ALIVE)
			continue;
		if (status)
			*status = processes[i].status;
		processes[i].state = FREE;
		return FIRST_PID + i;
	}
	errno = ECHILD;
	return any ? 0 : -1;
}

int __wrap_waitid(idtype_t type, id_t id, siginfo_t *si, int options)
{
	(void)type;
	(void)id;
	(void)si;
	(void)options;
	for (int i = 0; i < PROCESSES; i++)
		if (processes[i].state != FREE)
			return 0;
	errno = ECHILD;
	return -1;
}

/* No file is made: Xauthority files are counted. */
int __wrap_mkostemp(char *path, int flags)
{
	(void)flags;
	MUST(!strncmp(path, X11_FILES, strlen(X11_FILES)));
	files++;
	return memfd_create("xauth", MFD_CLOEXEC);
}

int __wrap_unlink(const char *path)
{
	if (strncmp(path, X11_FILES, strlen(X11_FILES)))
		return __real_unlink(path);
	MUST(files-- > 0);
	return 0;
}

int __wrap_access(const char *path, int mode)
{
	const char *name = strrchr(path, '/');

	return name && !strcmp(name, "/xauth") ? 0 : __real_access(path, mode);
}

/* Ports of the machine stay free. */
int __wrap_bind(int fd, const struct sockaddr *a, socklen_t len)
{
	struct err ignored;

	if (a->sa_family != AF_INET)
		return __real_bind(fd, a, len);
	errno = EADDRINUSE;
	return stubs_fails(&ignored);
}

/* ------------------------------------------------------------------ */

void stubs_begin_processes(void)
{
	for (int i = 0; i < PROCESSES; i++)
		processes[i] = (struct process){ .tell = -1 };
	files = 0;
	stubs_obey = true;
}

void stubs_end_processes(void)
{
	MUST(!files);
	for (int i = 0; i < PROCESSES; i++)
		MUST(processes[i].state == FREE && processes[i].tell < 0 && !processes[i].work);
}
