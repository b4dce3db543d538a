/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/base/offspring.c, with real processes. */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/offspring.h"

static pid_t start(void)
{
	pid_t pid = fork();

	if (!pid)
		for (;;)
			pause();
	assert_true(pid > 0);
	return pid;
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
}

struct seen {
	pid_t pids[8];
	int n, stop_at;
};

static bool see(pid_t pid, void *arg)
{
	struct seen *s = arg;

	assert_in_range(s->n, 0, 7);
	s->pids[s->n++] = pid;
	return s->n == s->stop_at;
}

static void *start_in_thread(void *pid)
{
	static const struct timespec long_time = { 1000, 0 };

	*(pid_t *)pid = start();
	nanosleep(&long_time, NULL); /* its children are then those of another thread */
	return NULL;
}

static bool has(const struct seen *s, pid_t pid)
{
	for (int i = 0; i < s->n; i++)
		if (s->pids[i] == pid)
			return true;
	return false;
}

/* Each once: two of this thread and one of another; then only so many as are wanted. */
static void look(const pid_t *pids)
{
	struct seen all = {0}, two = { .stop_at = 2 };

	assert_false(offspring_find(getpid(), see, &all));
	assert_int_equal(all.n, 3);
	assert_int_equal(offspring_parent(pids[0]), getpid());
	for (int i = 0; i < 3; i++)
		assert_true(has(&all, pids[i]));
	assert_true(offspring_find(getpid(), see, &two));
	assert_int_equal(two.n, 2);
}

static void look_from_outside(void **state)
{
	struct seen none = {0};
	volatile pid_t in_thread = 0;
	pid_t pids[3] = { start(), start() };
	pthread_t thread;

	(void)state;
	assert_false(offspring_find(pids[0], see, &none));
	assert_int_equal(none.n, 0);
	assert_int_equal(pthread_create(&thread, NULL, start_in_thread, (void *)(uintptr_t)&in_thread), 0);
	while (!in_thread)
		sched_yield();
	pids[2] = in_thread;
	look(pids);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	for (int i = 0; i < 3; i++)
		end(pids[i]);
	assert_false(offspring_find(getpid(), see, &none));
	assert_int_equal(none.n, 0);
}

/* A kernel without these lists, as far as a process can see. */
static void without_lists(void **state)
{
	char path[64];
	pid_t child = fork();
	int status;

	(void)state;
	if (!child) {
		pid_t pids[3] = { start(), start(), start() };

		snprintf(path, sizeof(path), "/proc/%d/task", (int)getpid());
		if (unshare(CLONE_NEWNS) || mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
		    mount("tmpfs", path, "tmpfs", 0, NULL))
			_exit(77);
		look(pids);
		for (int i = 0; i < 3; i++)
			end(pids[i]);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

/* There the numbers in /proc are those of others: 1 has children, and this process has none. */
static void in_another_namespace(void **state)
{
	pid_t child = fork();
	int status;

	(void)state;
	if (!child) {
		struct seen none = {0};

		if (unshare(CLONE_NEWPID))
			_exit(77);
		child = fork();
		if (child)
			_exit(waitpid(child, &status, 0) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 1);
		assert_int_equal(getpid(), 1);
		assert_false(offspring_find(getpid(), see, &none));
		assert_int_equal(none.n, 0);
		assert_int_equal(offspring_parent(getpid()), 0);
		_exit(0);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	if (WIFEXITED(status) && WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(status, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(look_from_outside),
		cmocka_unit_test(without_lists),
		cmocka_unit_test(in_another_namespace),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
