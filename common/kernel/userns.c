/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User namespaces: see userns.h. */
#include "kernel/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/program.h"
#include "kernel/caps.h"
#include "kernel/run.h"

bool userns_needed(void)
{
	return !caps_have(CAP_SYS_ADMIN) || !caps_have(CAP_NET_ADMIN);
}

/* ------------------------------------------------------------------ why there is none */

static long sysctl(const char *path)
{
	own(fd) int fd = open(path, O_RDONLY | O_CLOEXEC);
	char text[32] = "";

	return fd < 0 || read(fd, text, sizeof(text) - 1) < 1 ? -1 : strtol(text, NULL, 10);
}

/* The ways in which systems refuse it: with which error, where that is set, and what allows it. */
static const struct way {
	int errnum;
	const char *path;
	long forbids;
	const char *why, *remedy;
} ways[] = {
	{ EPERM, "/proc/sys/kernel/unprivileged_userns_clone", 0, "", "sysctl kernel.unprivileged_userns_clone=1" },
	{ EPERM, "/proc/sys/kernel/apparmor_restrict_unprivileged_userns", 1, "AppArmor forbids them: ",
	  "sysctl kernel.apparmor_restrict_unprivileged_userns=0, or a profile for nemu" },
	{ ENOSPC, "/proc/sys/user/max_user_namespaces", 0, "", "sysctl user.max_user_namespaces=10000" },
	{ ENOSPC, NULL, 0, "their limit is reached: ", "a higher sysctl user.max_user_namespaces" },
	{ EINVAL, NULL, 0, "this kernel has none: ", "one with CONFIG_USER_NS" },
};

static const struct way *find_way(int errnum)
{
	for (const struct way *w = ways; w < ways + sizeof(ways) / sizeof(*ways); w++)
		if (w->errnum == (errnum == EACCES ? EPERM : errnum) &&
		    (!w->path || sysctl(w->path) == w->forbids))
			return w;
	return NULL;
}

static int explain(int errnum, struct err *e)
{
	const struct way *w = find_way(errnum);

	return err_set(e, ERR_FEATURE, errnum, "without root it takes user namespaces: %s%s%s", w ? w->why : "",
		       w ? w->remedy : strerror(errnum), w ? " allows them" : "");
}

const char *userns_remedy(int errnum)
{
	const struct way *w = find_way(errnum);

	return w ? w->remedy : "root";
}

/* ------------------------------------------------------------------ ids */

/* The first range of a file like /etc/subuid that is the user's, by name or number. */
static bool find_range(const char *path, const char *name, uid_t uid, char *first, char *count)
{
	char line[256], number[16];
	bool found = false;
	FILE *f = fopen(path, "re");

	snprintf(number, sizeof(number), "%u", uid);
	while (f && !found && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		found = ((name && !strcmp(line, name)) || !strcmp(line, number)) &&
			sscanf(colon + 1, "%15[0-9]:%15[0-9]", first, count) == 2;
	}
	if (f)
		fclose(f);
	return found;
}

/* A line of /etc/passwd: the name service may need what a static program has not. */
static char *user_name(uid_t uid)
{
	FILE *f = fopen("/etc/passwd", "re");
	struct passwd *pw;
	char *name = NULL;

	while (f && !name && (pw = fgetpwent(f)))
		if (pw->pw_uid == uid)
			name = strdup(pw->pw_name);
	if (f)
		fclose(f);
	return name;
}

/* Of both kinds of ids: that of users, that of groups. */
static struct ranges {
	char first[2][16], count[2][16];
	char refusal[200]; /* see userns_refusal */
} ranges;

static const char *const tools[] = { "newuidmap", "newgidmap" };

static bool find_ranges(void)
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };
	own(mem) char *name = user_name(geteuid());

	for (int i = 0; i < 2; i++)
		if (!program_found(tools[i]) ||
		    !find_range(files[i], name, geteuid(), ranges.first[i], ranges.count[i]))
			return false;
	return true;
}

/* What it said is kept: who is refused here gets a lab with one user, and may wonder why. */
static int map_ranges(pid_t pid)
{
	char target[16], own_id[16];

	snprintf(target, sizeof(target), "%d", (int)pid);
	for (int i = 0; i < 2; i++) {
		const char *const argv[] = { tools[i], target, "0", own_id, "1", "1", ranges.first[i],
					     ranges.count[i], NULL };

		snprintf(own_id, sizeof(own_id), "%u", i ? getegid() : geteuid());
		if (run_errors((char *const *)(uintptr_t)argv, ranges.refusal, sizeof(ranges.refusal))) {
			ranges.refusal[strcspn(ranges.refusal, "\n")] = '\0';
			err_printable(ranges.refusal);
			errno = EPERM;
			return -1;
		}
	}
	ranges.refusal[0] = '\0';
	return 0;
}

const char *userns_refusal(void)
{
	return ranges.refusal;
}

static int write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	own(fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int map_self(pid_t pid)
{
	char uids[32], gids[32];

	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return write_file(pid, "setgroups", "deny") || write_file(pid, "uid_map", uids) ||
			       write_file(pid, "gid_map", gids)
		       ? -1
		       : 0;
}

/* ------------------------------------------------------------------ */

typedef int map_fn(pid_t pid); /* gives the user namespace of a process its ids; -1: errno */

/* In the child that makes it: there until the pipe is closed. */
__attribute__((noreturn)) static void hold(int tell, int wait)
{
	int errnum = unshare(CLONE_NEWUSER) ? errno : 0;
	char c;

	if (write(tell, &errnum, sizeof(errnum)) == (ssize_t)sizeof(errnum))
		while (read(wait, &c, 1) < 0 && errno == EINTR)
			;
	_exit(0);
}

static int take_from(pid_t pid, int hear, map_fn *map, struct err *e)
{
	int errnum;

	if (read(hear, &errnum, sizeof(errnum)) != (ssize_t)sizeof(errnum))
		return err_os(e, EIO, "user namespace");
	if (errnum)
		return explain(errnum, e);
	if (map(pid))
		return explain(errno, e);
	return userns_of(pid, e);
}

static int make(map_fn *map, struct err *e)
{
	int hear[2], wait[2], fd;
	pid_t pid;

	if (pipe2(hear, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	if (pipe2(wait, O_CLOEXEC)) {
		close(hear[0]);
		close(hear[1]);
		return err_os(e, errno, "pipe");
	}
	pid = fork();
	if (!pid) {
		close(wait[1]);
		hold(hear[1], wait[0]);
	}
	close(hear[1]);
	close(wait[0]);
	fd = pid < 0 ? err_os(e, errno, "fork") : take_from(pid, hear[0], map, e);
	close(hear[0]);
	close(wait[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int userns_make(struct err *e)
{
	/* One whose users are mapped and whose groups are not cannot be mended. */
	int fd = find_ranges() ? make(map_ranges, e) : -1;

	return fd < 0 ? make(map_self, e) : fd;
}

int userns_of(pid_t pid, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_os(e, errno, "%s", path) : fd;
}

bool userns_is_narrow(void)
{
	unsigned long first, outside, count = 0;
	FILE *f = fopen("/proc/self/uid_map", "re");
	bool one = f && fscanf(f, "%lu %lu %lu", &first, &outside, &count) == 3 && count == 1 &&
		   fscanf(f, "%lu", &first) != 1;

	if (f)
		fclose(f);
	return one;
}

int userns_enter(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWUSER) ? explain(errno, e) : 0;
}
