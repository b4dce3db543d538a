/* SPDX-License-Identifier: GPL-2.0-or-later */
/* User namespaces: see userns.h. */
#include "kernel/userns.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sched.h>
#include <stdarg.h>
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

#define RANGES_MAX 64

/* The ids of a lab, of users or of groups: the caller's own, and behind it all that a file gives it. */
struct ids {
	size_t n;
	struct range {
		unsigned long first, count;
	} range[RANGES_MAX];
};

/* The kernel takes no id twice. */
static void add_range(struct ids *ids, unsigned long first, unsigned long count)
{
	bool fresh = count > 0;

	for (size_t i = 0; i < ids->n; i++)
		fresh &= first >= ids->range[i].first + ids->range[i].count ||
			 ids->range[i].first >= first + count;
	if (fresh && ids->n < RANGES_MAX)
		ids->range[ids->n++] = (struct range){ first, count };
}

/* Those that are the user's, by name or number, in a file like /etc/subuid. How many it names. */
static size_t find_ranges(struct ids *ids, const char *path, const char *name, const char *number)
{
	char line[256], first[16], count[16];
	FILE *f = fopen(path, "re");
	size_t named = 0;

	while (f && fgets(line, sizeof(line), f)) {
		char *colon = strchr(line, ':');

		if (!colon)
			continue;
		*colon = '\0';
		if (((name && !strcmp(line, name)) || !strcmp(line, number)) &&
		    sscanf(colon + 1, "%15[0-9]:%15[0-9]", first, count) == 2) {
			add_range(ids, strtoul(first, NULL, 10), strtoul(count, NULL, 10));
			named++;
		}
	}
	if (f)
		fclose(f);
	return named;
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

static const char *const tools[] = { "newuidmap", "newgidmap" };
static char refusal[256]; /* see userns_refusal */

static bool refuse(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

static bool refuse(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(refusal, sizeof(refusal), fmt, ap);
	va_end(ap);
	return false;
}

static bool find_ids(struct ids ids[2])
{
	static const char *const files[] = { "/etc/subuid", "/etc/subgid" };
	own(mem) char *name = user_name(geteuid());
	char number[16];

	snprintf(number, sizeof(number), "%u", geteuid());
	for (int i = 0; i < 2; i++) {
		size_t named;

		ids[i] = (struct ids){ .n = 1, .range[0] = { i ? getegid() : geteuid(), 1 } };
		named = find_ranges(&ids[i], files[i], name, number);
		if (ids[i].n > 1 && program_found(tools[i]))
			continue;
		if (access(files[i], R_OK))
			return refuse("%s: %s", files[i], strerror(errno));
		if (!named)
			return refuse("%s has no line for user %s (newuidmap of package uidmap takes ranges from /etc/subuid "
				      "and /etc/subgid)", files[i], name ? name : number);
		if (ids[i].n == 1)
			return refuse("%s gives user %s no ids but its own", files[i], name ? name : number);
		return refuse("%s: no such program (package uidmap, for the ranges in /etc/subuid and /etc/subgid)", tools[i]);
	}
	return true;
}

/* TOOL PID (ID FIRST COUNT)... What it said is kept: who is refused here gets a lab with one user, and may
 * wonder why. */
static int run_tool(const char *tool, pid_t pid, const struct ids *m)
{
	char number[1 + 3 * RANGES_MAX][21];
	const char *argv[2 + sizeof(number) / sizeof(*number) + 1] = { tool };
	unsigned long id = 0;
	size_t n = 0;

	snprintf(number[n++], sizeof(*number), "%d", (int)pid);
	for (size_t i = 0; i < m->n; i++) {
		snprintf(number[n++], sizeof(*number), "%lu", id);
		snprintf(number[n++], sizeof(*number), "%lu", m->range[i].first);
		snprintf(number[n++], sizeof(*number), "%lu", m->range[i].count);
		id += m->range[i].count;
	}
	for (size_t i = 0; i < n; i++)
		argv[1 + i] = number[i];
	return run_errors((char *const *)(uintptr_t)argv, refusal, sizeof(refusal));
}

static int map_ids(pid_t pid, const struct ids ids[2])
{
	for (int i = 0; i < 2; i++)
		if (run_tool(tools[i], pid, &ids[i])) {
			refusal[strcspn(refusal, "\n")] = '\0';
			err_printable(refusal);
			errno = EPERM;
			return -1;
		}
	refusal[0] = '\0';
	return 0;
}

void userns_recall(void)
{
	struct ids ids[2];

	if (find_ids(ids))
		refuse("newuidmap gave its first node no more; a lab that begins anew may have all (nemu check id-ranges)");
}

const char *userns_refusal(void)
{
	return refusal;
}

static int write_file(pid_t pid, const char *name, const char *text)
{
	char path[64];
	own(fd) int fd = -1;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, name);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	return fd < 0 || write(fd, text, strlen(text)) < 0 ? -1 : 0;
}

static int map_self(pid_t pid, const struct ids none[2])
{
	char uids[32], gids[32];

	(void)none;
	snprintf(uids, sizeof(uids), "0 %u 1", geteuid());
	snprintf(gids, sizeof(gids), "0 %u 1", getegid());
	return write_file(pid, "setgroups", "deny") || write_file(pid, "uid_map", uids) ||
			       write_file(pid, "gid_map", gids)
		       ? -1
		       : 0;
}

/* ------------------------------------------------------------------ */

/* Gives the user namespace of a process its ids; -1: errno. */
typedef int map_fn(pid_t pid, const struct ids ids[2]);

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

static int take_from(pid_t pid, int hear, map_fn *map, const struct ids *ids, struct err *e)
{
	int errnum;

	if (read(hear, &errnum, sizeof(errnum)) != (ssize_t)sizeof(errnum))
		return err_os(e, EIO, "user namespace");
	if (errnum)
		return explain(errnum, e);
	if (map(pid, ids))
		return explain(errno, e);
	return userns_of(pid, e);
}

static int make(map_fn *map, const struct ids *ids, struct err *e)
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
	fd = pid < 0 ? err_os(e, errno, "fork") : take_from(pid, hear[0], map, ids, e);
	close(hear[0]);
	close(wait[1]);
	while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
		;
	return fd;
}

int userns_make(struct err *e)
{
	/* One whose users are mapped and whose groups are not cannot be mended. */
	struct ids ids[2];
	int fd = find_ids(ids) ? make(map_ids, ids, e) : -1;

	return fd < 0 ? make(map_self, NULL, e) : fd;
}

int userns_of(pid_t pid, struct err *e)
{
	char path[64];
	int fd;

	snprintf(path, sizeof(path), "/proc/%d/ns/user", (int)pid);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	return fd < 0 ? err_os(e, errno, "%s", path) : fd;
}

bool userns_is_own(int fd)
{
	struct stat own, other;

	return !stat("/proc/self/ns/user", &own) && !fstat(fd, &other) && own.st_dev == other.st_dev &&
	       own.st_ino == other.st_ino;
}

bool userns_is_other(pid_t pid)
{
	struct err ignored;
	own(fd) int fd = userns_of(pid, &ignored);

	return fd >= 0 && !userns_is_own(fd);
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

bool userns_denies_groups(void)
{
	char text[8] = "";
	own(fd) int fd = open("/proc/self/setgroups", O_RDONLY | O_CLOEXEC);

	return fd >= 0 && read(fd, text, sizeof(text) - 1) > 0 && !strncmp(text, "deny", 4);
}

int userns_enter(int fd, struct err *e)
{
	return setns(fd, CLONE_NEWUSER) ? explain(errno, e) : 0;
}
