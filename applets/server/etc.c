/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's files in /etc: see etc.h. */
#include "etc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/mount.h>
#include <sched.h>
#include <stdio.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hosts.h"
#include "base/seat.h"
#include "server.h"

#ifndef MOVE_MOUNT_BENEATH /* Linux 6.5 */
#define MOVE_MOUNT_BENEATH 0x200
#endif

static const char *const places[ETC_FILES] = { "/etc/hosts", "/etc/resolv.conf" };

static struct etc_id id_of(const struct statx *st)
{
	return (struct etc_id){ st->stx_dev_major, st->stx_dev_minor, st->stx_ino };
}

static bool same(const struct etc_id *a, const struct etc_id *b)
{
	return a->inode == b->inode && a->major == b->major && a->minor == b->minor;
}

static bool is(const struct statx *st, const struct etc_id *id)
{
	struct etc_id its = id_of(st);

	return same(&its, id);
}

static bool look(int folder, const char *path, struct statx *st)
{
	return !statx(folder, path, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT, STATX_TYPE | STATX_INO, st);
}

/* As programs see it. A link is not followed: where it leads to nothing the file is mounted over the link. */
static bool look_inside(const struct server *s, const char *path, struct statx *st)
{
	char inside[64];

	if (s->mntns < 0)
		return look(AT_FDCWD, path, st);
	snprintf(inside, sizeof(inside), "/proc/%d/root%s", (int)s->init, path);
	return s->init && look(AT_FDCWD, inside, st);
}

const char *etc_source(const struct server *s, int which)
{
	static char path[sizeof(SEAT_RESOLV) + NAME_MAX];

	if (which == ETC_HOSTS)
		return HOSTS_FILE;
	snprintf(path, sizeof(path), SEAT_RESOLV "%s", s->name);
	return path;
}

/* ------------------------------------------------------------------ mounting */

static bool lift(const char *place)
{
	return !umount2(place, MNT_DETACH | UMOUNT_NOFOLLOW);
}

static bool move_here(int tree, const char *place, unsigned int how)
{
	return !syscall(SYS_move_mount, tree, "", AT_FDCWD, place, MOVE_MOUNT_F_EMPTY_PATH | how);
}

/* tree -1: nothing comes. over: one of ours is there, and goes. It cannot stay below: a mount over a file that
 * is deleted goes with it. */
static bool change(const char *place, int tree, bool over)
{
	if (tree < 0)
		return lift(place);
	if (over && move_here(tree, place, MOVE_MOUNT_BENEATH)) /* the machine's is not seen for a moment */
		return lift(place);
	return (!over || lift(place)) && move_here(tree, place, 0);
}

/* In the mount namespace of the programs. */
static bool change_inside(const struct server *s, int which, int tree, bool over)
{
	int status = 1;
	pid_t pid;

	if (s->mntns < 0)
		return change(places[which], tree, over);
	pid = fork();
	if (!pid)
		_exit(setns(s->mntns, CLONE_NEWNS) || !change(places[which], tree, over));
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid > 0 && !status;
}

static void put(struct server *s, int which, const struct etc_id *wanted, bool over)
{
	own(fd) int tree = (int)syscall(SYS_open_tree, s->lab_fd, etc_source(s, which),
					OPEN_TREE_CLONE | OPEN_TREE_CLOEXEC | AT_SYMLINK_NOFOLLOW);
	struct statx now;

	if (tree < 0 || !change_inside(s, which, tree, over))
		return;
	if (look_inside(s, places[which], &now) && is(&now, wanted))
		s->etc.files[which].mounted = *wanted;
	else /* it was replaced just now; who looks next finds the new one */
		change_inside(s, which, -1, false);
}

/* ------------------------------------------------------------------ */

/* Where that fails nothing can be mounted, and programs find the machine's files. */
static void open_folder_here(struct server *s)
{
	char link[64], path[4096];
	own(fd) int fd = -1;
	struct stat old, new;
	ssize_t n;

	snprintf(link, sizeof(link), "/proc/self/fd/%d", s->lab_fd);
	n = readlink(link, path, sizeof(path) - 1);
	if (n <= 0)
		return;
	path[n] = '\0';
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW);
	if (fd >= 0 && !fstat(s->lab_fd, &old) && !fstat(fd, &new) && old.st_dev == new.st_dev &&
	    old.st_ino == new.st_ino)
		dup3(fd, s->lab_fd, O_CLOEXEC);
}

void etc_begin(struct server *s)
{
	struct statx st;

	open_folder_here(s);
	s->etc.watch_fd = open("/etc/", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (look(AT_FDCWD, "/etc/", &st))
		s->etc.folder = id_of(&st);
	for (int i = 0; i < ETC_FILES; i++) {
		struct etc_id wanted;

		if (!look(s->lab_fd, etc_source(s, i), &st))
			continue;
		wanted = id_of(&st);
		if (!look(AT_FDCWD, places[i], &st))
			continue;
		s->etc.files[i].below = id_of(&st);
		put(s, i, &wanted, false);
	}
}

/* dnotify has no limit for all processes of a user together, of which each node has one here; inotify has. What is
 * made in the lab's folder is not told: there is much of that, a socket for each node for one. */
void etc_watch(struct server *s)
{
	/* Where the kernel has it not, the look at each start of a program remains. */
	if (!s->etc.watched && !fcntl(s->etc.watch_fd, F_NOTIFY, DN_CREATE | DN_RENAME | DN_MULTISHOT))
		fcntl(s->lab_fd, F_NOTIFY, DN_RENAME | DN_MULTISHOT);
	s->etc.watched = true;
}

static bool is_folder_ours(const struct server *s)
{
	struct statx st;

	return look_inside(s, "/etc/", &st) && is(&st, &s->etc.folder);
}

/* true: another one than before is mounted. Each start of a program comes here, so what is most often true
 * is looked at first. */
static bool look_at(struct server *s, int which)
{
	struct etc_id before = s->etc.files[which].mounted, id;
	struct statx wanted, now;
	bool ours;

	if (!look_inside(s, places[which], &now))
		return false;
	ours = is(&now, &before);
	if (ours && which == ETC_RESOLV)
		return false;
	if (!look(s->lab_fd, etc_source(s, which), &wanted))
		return false;
	id = id_of(&wanted);
	if (is(&now, &id) || !S_ISREG(wanted.stx_mode) || !is_folder_ours(s))
		return false;
	/* The machine's own may be a mount as well, as in a container. */
	if (!ours && (now.stx_attributes & STATX_ATTR_MOUNT_ROOT) &&
	    !is(&now, &s->etc.files[which].below))
		return false;
	put(s, which, &id, ours);
	return !same(&before, &s->etc.files[which].mounted);
}

bool etc_look(struct server *s)
{
	bool hosts;

	if (s->lab_fd < 0)
		return false;
	hosts = look_at(s, ETC_HOSTS);
	look_at(s, ETC_RESOLV);
	return hosts;
}

bool etc_is_seen(const struct server *s, int which)
{
	struct statx now;

	if (s->lab_fd < 0)
		return false;
	return look_inside(s, places[which], &now) && is(&now, &s->etc.files[which].mounted);
}
