/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The children of a process, as proc(5) lists them: see offspring.h. */
#include "base/offspring.h"

#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"
#include "base/procfile.h"

typedef bool find_fn(pid_t pid, void *arg);

/* One thread's. */
static bool find_in(const char *path, find_fn *fn, void *arg)
{
	FILE *f = fopen(path, "re");
	bool found = false;
	long pid;

	while (f && !found && fscanf(f, "%ld", &pid) == 1)
		found = fn((pid_t)pid, arg);
	if (f)
		fclose(f);
	return found;
}

/* Does /proc show the PID namespace of this process? In another the numbers are those of others. */
static bool proc_is_own(void)
{
	char own[16], text[16];
	ssize_t n = readlink("/proc/self", text, sizeof(text));
	int len = snprintf(own, sizeof(own), "%d", (int)getpid());

	return n == len && !memcmp(own, text, (size_t)len);
}

pid_t offspring_parent(pid_t pid)
{
	char stat[512];
	const char *behind_name;
	int parent;

	if (!proc_is_own() || !procfile_read(pid, "stat", stat, sizeof(stat)))
		return 0;
	behind_name = strrchr(stat, ')'); /* which may hold anything */
	return behind_name && sscanf(behind_name, ") %*c %d", &parent) == 1 ? parent : 0;
}

/* Where the kernel keeps no lists (CONFIG_PROC_CHILDREN). */
static bool find_in_all(pid_t parent, find_fn *fn, void *arg)
{
	own(dir) DIR *dir = opendir("/proc");
	struct dirent *d;

	while (dir && (d = readdir(dir))) {
		pid_t pid = (pid_t)strtol(d->d_name, NULL, 10); /* 0: none */

		if (pid && offspring_parent(pid) == parent && fn(pid, arg))
			return true;
	}
	return false;
}

bool offspring_find(pid_t parent, find_fn *fn, void *arg)
{
	char path[320];
	own(dir) DIR *threads = NULL;
	struct dirent *d;

	if (!proc_is_own())
		return false;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/children", (int)parent, (int)parent);
	if (access(path, F_OK))
		return find_in_all(parent, fn, arg);
	snprintf(path, sizeof(path), "/proc/%d/task", (int)parent);
	threads = opendir(path);
	while (threads && (d = readdir(threads))) {
		snprintf(path, sizeof(path), "/proc/%d/task/%s/children", (int)parent, d->d_name);
		if (*d->d_name != '.' && find_in(path, fn, arg))
			return true;
	}
	return false;
}
