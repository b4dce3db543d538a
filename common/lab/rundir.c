/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The run directory: see rundir.h. */
#include "lab/rundir.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/hosts.h"
#include "base/seat.h"
#include "lab/name.h"

#define DIR_FLAGS (O_RDONLY | O_DIRECTORY | O_CLOEXEC)

/* Once for all: processes that serve the lab go to another folder. NULL: no memory. */
static char *make_absolute(const char *path)
{
	own(mem) char *folder = getcwd(NULL, 0), *absolute = NULL;

	if (!folder || *folder != '/') /* it is gone: the open that follows will say so */
		return strdup(path);
	if (asprintf(&absolute, "%s/%s", folder, path) < 0) {
		absolute = NULL;
		return NULL;
	}
	return setenv("NEMU_RUNDIR", absolute, 1) ? NULL : strdup(absolute);
}

static char *rundir_path(void)
{
	const char *env = getenv("NEMU_RUNDIR"), *xdg = getenv("XDG_RUNTIME_DIR");
	char *path = NULL, *absolute;
	int n;

	if (env && *env)
		n = asprintf(&path, "%s", env);
	else if (geteuid() == 0)
		n = asprintf(&path, "/run/nemu");
	else if (xdg && *xdg)
		n = asprintf(&path, "%s/nemu", xdg);
	else
		n = asprintf(&path, "/tmp/nemu-%d", (int)geteuid());
	if (n < 0)
		return NULL;
	/* With a slash behind it, O_NOFOLLOW would follow it. */
	while (n > 1 && path[n - 1] == '/')
		path[--n] = '\0';
	if (*path == '/')
		return path;
	absolute = make_absolute(path);
	free(path);
	return absolute;
}

void rundir_pin(void)
{
	own(mem) char *path = rundir_path();

	if (path)
		setenv("NEMU_RUNDIR", path, 1);
}

void rundir_pin_for_programs(void)
{
	const char *env = getenv("NEMU_RUNDIR");

	if (geteuid() && (!env || !*env))
		rundir_pin();
}

/* As mkdir -p, with mode 0700. 0, or the errno of what could not be made. */
static int make_path(char *path)
{
	mode_t old = umask(077);
	int errnum = 0;

	for (char *p = path; p && !errnum;) {
		p = strchr(p + 1, '/');
		if (p)
			*p = '\0';
		errnum = mkdir(path, 0700) && errno != EEXIST ? errno : 0;
		if (p)
			*p = '/';
	}
	umask(old);
	return errnum;
}

/* bad_mode: bits that must not be set. */
static int check_owner(int fd, const char *path, mode_t bad_mode, struct err *e)
{
	struct stat st;

	if (fstat(fd, &st))
		return err_os(e, errno, "%s", path);
	if (st.st_uid != geteuid())
		return err_set(e, ERR_OS, EPERM, "%s: belongs to another user", path);
	if (st.st_mode & bad_mode)
		return err_set(e, ERR_OS, EPERM,
			       "%s: others have access (mode %04o; it takes 0700)", path,
			       st.st_mode & 07777);
	return 0;
}

/* So that it is not taken for a program's. */
static int at_rundir(struct err *e)
{
	e->step = "rundir";
	return -1;
}

static int open_rundir(bool create, struct err *e)
{
	own(mem) char *path = rundir_path();
	own(fd) int fd = -1;
	int errnum = 0;

	if (!path)
		return err_nomem(e);
	fd = open(path, DIR_FLAGS | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT && create) {
		errnum = make_path(path);
		fd = open(path, DIR_FLAGS | O_NOFOLLOW);
	}
	if (fd < 0 && errno == ENOENT && !create)
		return err_set(e, ERR_ABSENT, ENOENT, "no lab is there");
	if (fd < 0)
		err_os(e, errnum ? errnum : errno, "%s", path);
	/* Others may see that it is there, as with a /run/user of root; not what is in a lab. */
	if (fd < 0 || check_owner(fd, path, 022, e))
		return at_rundir(e);
	return steal_fd(&fd);
}

/* 0, or an errno. */
static int make_lab(int run, const char *lab)
{
	mode_t old = umask(077);
	int errnum = mkdirat(run, lab, 0700) && errno != EEXIST ? errno : 0;

	umask(old);
	return errnum;
}

int rundir_open_lab(const char *lab, bool create, struct err *e)
{
	own(fd) int run = -1, fd = -1;
	int errnum;

	if (name_check("lab", lab, e))
		return -1;
	run = open_rundir(create, e);
	if (run < 0)
		return -1;
	errnum = create ? make_lab(run, lab) : 0;
	if (errnum) {
		err_os(e, errnum, "lab %s", lab);
		return at_rundir(e);
	}
	fd = openat(run, lab, DIR_FLAGS | O_NOFOLLOW);
	if (fd < 0 && errno == ENOENT)
		return err_set(e, ERR_ABSENT, ENOENT, "lab %s: no such lab", lab);
	if (fd < 0)
		err_os(e, errno, "lab %s", lab);
	if (fd < 0 || check_owner(fd, lab, 077, e))
		return at_rundir(e);
	return steal_fd(&fd);
}

static int lock(int lab_fd)
{
	int rc;

	do
		rc = flock(lab_fd, LOCK_EX);
	while (rc && errno == EINTR);
	return rc;
}

/* The last node may have ended, and taken the folder along, while we waited. */
static bool is_gone(int lab_fd)
{
	struct stat st;

	return fstat(lab_fd, &st) || !st.st_nlink;
}

bool rundir_lock(int lab_fd)
{
	return !lock(lab_fd) && !is_gone(lab_fd);
}

int rundir_lock_lab(const char *lab, bool create, struct err *e)
{
	for (;;) {
		own(fd) int fd = rundir_open_lab(lab, create, e);

		/* It was there, and its last node has ended before it was open. */
		if (fd < 0 && create && e->kind == ERR_ABSENT) {
			*e = (struct err)ERR_INIT;
			continue;
		}
		if (fd < 0)
			return -1;
		if (lock(fd))
			return err_os(e, errno, "lab %s: lock", lab);
		if (!is_gone(fd))
			return steal_fd(&fd);
	}
}

void rundir_unlock(int lab_fd)
{
	flock(lab_fd, LOCK_UN);
}

static void remove_folder(int lab_fd, const char *path)
{
	int fd = openat(lab_fd, path, DIR_FLAGS | O_NOFOLLOW);
	own(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *d;

	if (!dir)
		return;
	while ((d = readdir(dir)))
		unlinkat(dirfd(dir), d->d_name, 0);
	unlinkat(lab_fd, path, AT_REMOVEDIR);
}

void rundir_remove_node(int lab_fd, const char *name)
{
	char path[sizeof(SEAT_RESOLV) + NAME_LEN_MAX];

	hosts_del(lab_fd, name, NULL);
	snprintf(path, sizeof(path), SEAT_RESOLV "%s", name);
	unlinkat(lab_fd, path, 0);
	snprintf(path, sizeof(path), ".%s", name);
	remove_folder(lab_fd, path);
	unlinkat(lab_fd, name, 0);
}

/* Looks at the first entries only: of hundreds, each would look at all as it goes. */
static bool has_only_hosts(int lab_fd)
{
	_Alignas(struct dirent64) char entries[512];
	long n;

	while ((n = syscall(SYS_getdents64, lab_fd, entries, sizeof(entries))) > 0)
		for (long at = 0; at < n;) {
			const struct dirent64 *d = (const void *)(entries + at);

			if (strcmp(d->d_name, ".") && strcmp(d->d_name, "..") &&
			    strcmp(d->d_name, HOSTS_FILE))
				return false;
			at += d->d_reclen;
		}
	return n == 0;
}

void rundir_remove_lab(int lab_fd, const char *lab)
{
	own(fd) int run = openat(lab_fd, "..", DIR_FLAGS), list = openat(lab_fd, ".", DIR_FLAGS);

	if (run < 0 || list < 0 || !has_only_hosts(list))
		return;
	unlinkat(lab_fd, HOSTS_FILE, 0);
	unlinkat(run, lab, AT_REMOVEDIR);
}

static socklen_t address(struct sockaddr_un *un, int lab_fd, const char *name)
{
	*un = (struct sockaddr_un){ .sun_family = AF_UNIX };
	snprintf(un->sun_path, sizeof(un->sun_path), "/proc/self/fd/%d/%s", lab_fd, name);
	return sizeof(*un);
}

static int new_socket(int flags, struct err *e)
{
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);

	return fd < 0 ? err_os(e, errno, "socket") : fd;
}

int rundir_bind(int lab_fd, const char *name, struct err *e)
{
	struct sockaddr_un un;
	socklen_t len = address(&un, lab_fd, name);
	own(fd) int fd = new_socket(SOCK_NONBLOCK, e);
	mode_t old;
	int rc;

	if (fd < 0)
		return -1;
	old = umask(0177);
	rc = bind(fd, (struct sockaddr *)&un, len);
	umask(old);
	if (rc && errno == EADDRINUSE)
		return err_set(e, ERR_REFUSED, EEXIST, "%s: such a node exists already", name);
	if (rc)
		return err_os(e, errno, "%s", name);
	return steal_fd(&fd);
}

int rundir_connect(int lab_fd, const char *name, bool *stale, struct err *e)
{
	struct sockaddr_un un;
	socklen_t len = address(&un, lab_fd, name);
	own(fd) int fd = new_socket(0, e);
	int rc;

	*stale = false;
	if (fd < 0)
		return -1;
	do
		rc = connect(fd, (struct sockaddr *)&un, len);
	while (rc && errno == EINTR);
	if (!rc)
		return steal_fd(&fd);
	*stale = errno == ECONNREFUSED;
	if (errno == ENOENT || errno == ECONNREFUSED)
		return err_set(e, ERR_ABSENT, ENOENT, "no such node");
	err_os(e, errno, "connecting");
	return at_rundir(e);
}

static int compare(const void *a, const void *b)
{
	return name_compare(*(char *const *)a, *(char *const *)b);
}

static char **read_names(DIR *dir, size_t *n)
{
	char **names = NULL;
	size_t cap = 0;
	struct dirent *d;

	*n = 0;
	for (;;) {
		if (*n + 1 >= cap) {
			char **more = reallocarray(names, cap * 2 + 16, sizeof(*names));

			if (!more)
				break;
			names = more;
			cap = cap * 2 + 16;
		}
		do
			d = readdir(dir);
		while (d && !name_valid(d->d_name));
		names[*n] = d ? strdup(d->d_name) : NULL;
		if (!d)
			return names;
		if (!names[*n])
			break;
		(*n)++;
	}
	if (names)
		names[*n] = NULL;
	rundir_names_free(names);
	return NULL;
}

char **rundir_labs(struct err *e)
{
	own(fd) int fd = open_rundir(false, e);
	char **none;

	if (fd >= 0)
		return rundir_names(fd, e);
	if (e->kind != ERR_ABSENT)
		return NULL;
	none = calloc(1, sizeof(*none));
	if (!none)
		err_nomem(e);
	return none;
}

char **rundir_names(int dir_fd, struct err *e)
{
	int fd = openat(dir_fd, ".", DIR_FLAGS);
	own(dir) DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	char **names;
	size_t n;

	if (!dir) {
		err_os(e, errno, "run directory");
		return NULL;
	}
	names = read_names(dir, &n);
	if (!names) {
		err_nomem(e);
		return NULL;
	}
	qsort(names, n, sizeof(*names), compare);
	return names;
}

void rundir_names_free(char **names)
{
	for (char **p = names; p && *p; p++)
		free(*p);
	free(names);
}
