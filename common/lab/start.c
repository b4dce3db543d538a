/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting nodes, and the keeper: see start.h. */
#include "lab/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "kernel/ns.h"
#include "kernel/userns.h"
#include "lab/name.h"
#include "lab/progress.h"
#include "lab/rundir.h"

#define REST 64 /* descriptors are parked from here on while 3 to 6 are cleared */
#define CROWD 64 /* so many nodes at once have a /proc for their settings: ns_new_proc */

/* Which socket is it? Inodes are used again, not so together with the time. */
struct socket_id {
	ino_t inode; /* 0: there is none */
	struct timespec time;
};

/* One node on its way. */
struct birth {
	const char *name;
	pid_t keeper;
	struct socket_id socket;
	int ready; /* where its server tells; -1 once it has, or has failed */
};

/* ------------------------------------------------------------------ the keeper */

static struct socket_id identify(int lab_fd, const char *name)
{
	struct stat st;

	if (fstatat(lab_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return (struct socket_id){0};
	return (struct socket_id){ st.st_ino, st.st_ctim };
}

/* Meanwhile another node may have taken the place of one that was found dead. */
static void remove_own(int lab_fd, const char *name, const struct socket_id *own)
{
	struct socket_id now = identify(lab_fd, name);

	if (now.inode == own->inode && now.time.tv_sec == own->time.tv_sec &&
	    now.time.tv_nsec == own->time.tv_nsec)
		rundir_remove_node(lab_fd, name);
}

/* What the server adopted has come to this process with its death: all of it is killed, again
 * and again, as what it leaves behind comes in turn. */
static void kill_rest(void)
{
	char path[64];

	while (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
		FILE *f;
		long pid;

		snprintf(path, sizeof(path), "/proc/self/task/%d/children", (int)getpid());
		f = fopen(path, "re");
		while (f && fscanf(f, "%ld", &pid) == 1)
			kill((pid_t)pid, SIGKILL);
		if (f)
			fclose(f);
		waitpid(-1, NULL, 0);
	}
}

static void clean_up(const struct node_seat *seat, const struct socket_id *own_socket)
{
	if (rundir_lock(seat->lab_fd)) {
		remove_own(seat->lab_fd, seat->name, own_socket);
		rundir_remove_lab(seat->lab_fd, seat->lab);
	}
	rundir_unlock(seat->lab_fd);
}

/* A server that was killed leaves the Xauthority files of its programs. */
static void remove_xauth(pid_t server)
{
	own(dir) DIR *dir = opendir("/tmp");
	char prefix[64];
	struct dirent *d;
	int len = snprintf(prefix, sizeof(prefix), "%s%d.", strrchr(X11_FILES, '/') + 1, (int)server);

	while (dir && (d = readdir(dir)))
		if (!strncmp(d->d_name, prefix, (size_t)len))
			unlinkat(dirfd(dir), d->d_name, 0);
}

/* Waits for the server's end, then leaves nothing behind. A server that ends in good order has done that
 * itself, as it has all that it takes at hand, and this process would first have to copy it. */
static void keep(const struct node_seat *seat, pid_t server, const struct socket_id *own_socket)
{
	sigset_t set;
	siginfo_t si;

	sigemptyset(&set);
	sigaddset(&set, SIGCHLD);
	sigaddset(&set, SIGTERM);
	if (seat->foreground)
		sigaddset(&set, SIGINT);
	for (;;) {
		int sig = sigwaitinfo(&set, &si);

		if (sig == SIGTERM || sig == SIGINT)
			kill(server, SIGTERM);
		si.si_pid = 0;
		if (sig == SIGCHLD && !waitid(P_PID, (id_t)server, &si, WEXITED | WNOHANG) &&
		    si.si_pid == server)
			break;
	}
	kill_rest();
	if (si.si_code == CLD_EXITED && !si.si_status)
		return;
	if (si.si_code != CLD_EXITED)
		remove_xauth(server);
	clean_up(seat, own_socket);
}

__attribute__((noreturn)) static void be_server(const struct node_seat *seat, pid_t keeper,
						const struct socket_id *own_socket, node_serve_fn *serve,
						const void *options)
{
	struct err e = ERR_INIT;

	prctl(PR_SET_NAME, "nemu-server");
	prctl(PR_SET_PDEATHSIG, SIGTERM);
	if (getppid() != keeper)
		_exit(1);
	if (!serve(seat, options, &e)) {
		clean_up(seat, own_socket);
		_exit(0);
	}
	/* No one may read it any more: then that was the error. */
	if (write(seat->ready_fd, &e, sizeof(e)) < 0)
		_exit(2);
	_exit(1);
}

/* The calling process becomes the keeper of a new node. Returns when the node has ended. */
static int run_keeper(struct node_seat *seat, node_serve_fn *serve, const void *options)
{
	struct socket_id own_socket = identify(seat->lab_fd, seat->name);
	pid_t keeper = getpid(), server;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, "nemu-keeper");
	server = fork();
	if (!server)
		be_server(seat, keeper, &own_socket, serve, options);
	/* A dead server's socket must refuse connections at once. */
	drop_fd(&seat->listen_fd);
	drop_fd(&seat->ready_fd);
	drop_fd(&seat->proc_fd);
	if (server > 0)
		keep(seat, server, &own_socket);
	else
		clean_up(seat, &own_socket);
	return server < 0 ? -1 : 0;
}

/* Leaves everything that the caller has: its session, its folder, its descriptors. */
static bool detach(struct node_seat *seat)
{
	int *fds[] = { &seat->lab_fd, &seat->listen_fd, &seat->ready_fd, &seat->proc_fd };
	int n = seat->proc_fd < 0 ? 3 : 4;
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	/* Not the caller's open file, whose lock would be this process's as well. */
	seat->lab_fd = openat(seat->lab_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return false;
	for (int i = 0; i < n; i++)
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, REST);
	for (int i = 0; i < n; i++) {
		if (*fds[i] < 0 || dup3(*fds[i], 3 + i, O_CLOEXEC) < 0)
			return false;
		*fds[i] = 3 + i;
	}
	close_range(3 + (unsigned int)n, ~0u, 0);
	return setsid() > 0 && !chdir("/");
}

/* ------------------------------------------------------------------ the caller */

/* With the lock held. A dead node's socket is removed. */
static int check_free(int lab_fd, const char *name, struct err *e)
{
	bool stale;
	own(fd) int fd = -1;

	if (!identify(lab_fd, name).inode)
		return 0;
	fd = rundir_connect(lab_fd, name, &stale, e);
	if (fd >= 0)
		return err_set(e, ERR_REFUSED, EEXIST, "%s: such a node exists already", name);
	if (!stale && e->kind != ERR_ABSENT)
		return err_prefix(e, "%s", name);
	rundir_remove_node(lab_fd, name);
	return 0;
}

/* 0: no such node lives. */
static pid_t server_pid(int lab_fd, const char *name)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	struct err ignored;
	bool stale;
	own(fd) int node = rundir_connect(lab_fd, name, &stale, &ignored);

	return node < 0 || getsockopt(node, SOL_SOCKET, SO_PEERCRED, &peer, &len) ? 0 : peer.pid;
}

static int elsewhere(int errnum, struct err *e)
{
	return err_set(e, ERR_OS, errnum,
		       "the lab's nodes are in another user namespace, which cannot be entered from this one");
}

/* The user namespace of a living node. *fd: -1 if there is none. */
static int living_userns(int lab_fd, int *fd, struct err *e)
{
	int dir_fd = openat(lab_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	own(dir) DIR *dir = dir_fd < 0 ? NULL : fdopendir(dir_fd);
	struct dirent *d;

	if (!dir)
		return err_os(e, errno, "the lab's folder");
	while (*fd < 0 && (d = readdir(dir))) {
		pid_t pid = name_valid(d->d_name) ? server_pid(lab_fd, d->d_name) : 0;

		*fd = pid > 0 ? userns_of(pid, e) : -1;
		if (pid > 0 && *fd < 0 && (e->errnum == EACCES || e->errnum == EPERM))
			return elsewhere(e->errnum, e);
	}
	return 0;
}

/* Links join nodes of one user namespace alone. *fd: that of the living nodes; or, for who may not make
 * nodes without, a new one; -1: the caller's own will do. The lab is locked, so there is only one first. */
static int get_userns(int lab_fd, int *fd, struct err *e)
{
	bool needed = userns_needed();

	*fd = -1;
	if (living_userns(lab_fd, fd, e))
		return -1;
	if (*fd >= 0 && userns_is_own(*fd)) {
		drop_fd(fd);
		return needed ? err_set(e, ERR_OS, EPERM,
					"the lab's nodes are in this user namespace, in which you have not the "
					"capabilities to make one")
			      : 0;
	}
	if (*fd < 0 && needed)
		*fd = userns_make(e);
	if (*fd >= 0)
		rundir_pin(); /* the user is called root in there */
	return needed && *fd < 0 ? -1 : 0;
}

/* In a child that is to become a keeper. */
static bool enter(int userns, int tell)
{
	struct err e = ERR_INIT;

	if (userns < 0 || !userns_enter(userns, &e))
		return true;
	elsewhere(e.errnum, &e); /* into a new one one may go */
	return write(tell, &e, sizeof(e)) < 0; /* false, but for the compiler */
}

static int begin(struct birth *b, const char *lab, int lab_fd, int userns, int proc_fd,
		 node_serve_fn *serve, const void *options, struct err *e)
{
	own(fd) int listen_fd = rundir_bind(lab_fd, b->name, e), tell = -1;
	struct node_seat seat = { .lab = lab, .name = b->name, .lab_fd = lab_fd, .proc_fd = proc_fd };
	int ends[2];

	if (listen_fd < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC)) {
		rundir_remove_node(lab_fd, b->name);
		return err_os(e, errno, "pipe");
	}
	tell = ends[1];
	b->socket = identify(lab_fd, b->name);
	b->keeper = fork();
	if (b->keeper < 0) {
		close(ends[0]);
		rundir_remove_node(lab_fd, b->name);
		return err_os(e, errno, "fork");
	}
	if (!b->keeper) {
		seat.listen_fd = listen_fd;
		seat.ready_fd = tell;
		_exit(enter(userns, tell) && detach(&seat) && !run_keeper(&seat, serve, options) ? 0 : 1);
	}
	b->ready = ends[0];
	return 0;
}

/* Hears from one node: it serves, or it does not and why. */
static int hear(struct birth *b, struct err *e)
{
	struct err told;
	ssize_t n;

	do
		n = read(b->ready, &told, sizeof(told));
	while (n < 0 && errno == EINTR);
	drop_fd(&b->ready);
	if (n != (ssize_t)sizeof(told))
		return err_set(e, ERR_PEER, 0, "%s: the server died as it started", b->name);
	if (told.kind == ERR_NONE)
		return 0;
	told.text[sizeof(told.text) - 1] = '\0';
	*e = told;
	e->step = NULL;
	return err_prefix(e, "%s", b->name);
}

/* Waits until at most limit nodes are still on their way. */
static int settle(struct birth *births, size_t n, size_t limit, struct err *e)
{
	for (;;) {
		struct pollfd p[256];
		struct birth *who[256];
		nfds_t open = 0;

		for (size_t i = 0; i < n && open < 256; i++) {
			if (births[i].ready < 0)
				continue;
			who[open] = &births[i];
			p[open++] = (struct pollfd){ .fd = births[i].ready, .events = POLLIN };
		}
		if (open <= limit)
			return 0;
		if (poll(p, open, -1) < 0)
			continue;
		for (nfds_t i = 0; i < open; i++)
			if (p[i].revents && hear(who[i], e))
				return -1;
	}
}

/* The lock is not held: the keepers need it. One that had no time to begin leaves its socket. */
static void undo(const char *lab, struct birth *births, size_t n)
{
	own(fd) int lab_fd = -1;
	struct err ignored;

	for (size_t i = 0; i < n; i++) {
		drop_fd(&births[i].ready);
		kill(births[i].keeper, SIGTERM);
	}
	for (size_t i = 0; i < n; i++)
		while (waitpid(births[i].keeper, NULL, 0) < 0 && errno == EINTR)
			;
	lab_fd = rundir_lock_lab(lab, false, &ignored);
	if (lab_fd < 0)
		return;
	for (size_t i = 0; i < n; i++)
		remove_own(lab_fd, births[i].name, &births[i].socket);
	rundir_remove_lab(lab_fd, lab);
	rundir_unlock(lab_fd);
}

/* How many may be on their way while the next is begun: enough to keep the processors busy, and no
 * more, as all of them want the kernel's one lock of network configuration, and those that write
 * to /proc/sys/net spin for it. */
static size_t window(void)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);

	return cpus < 3 ? 1 : cpus > 4 ? 4 : (size_t)cpus - 1;
}

int start_nodes(const char *lab, char *const *names, size_t n, node_serve_fn *serve,
		const void *options, struct err *e)
{
	own(mem) struct birth *births = calloc(n, sizeof(*births));
	own(fd) int lab_fd = -1, userns = -1, proc_fd = -1;
	size_t begun = 0, limit = window();
	int failed = 0;

	if (!births)
		return err_nomem(e);
	for (size_t i = 0; i < n; i++)
		if (name_check("node", names[i], e))
			return -1;
	lab_fd = rundir_lock_lab(lab, true, e);
	if (lab_fd < 0)
		return -1;
	for (size_t i = 0; i < n && !failed; i++)
		failed = check_free(lab_fd, names[i], e);
	failed = failed ? failed : get_userns(lab_fd, &userns, e);
	/* Only those on their way are looked at: [old, begun). */
	for (size_t old = 0; begun < n && !failed;) {
		progress_tell("nodes made", begun, n);
		if (n >= CROWD && begun % CROWD == 0) {
			drop_fd(&proc_fd);
			proc_fd = ns_new_proc();
		}
		births[begun].name = names[begun];
		births[begun].ready = -1;
		failed = begin(&births[begun], lab, lab_fd, userns, proc_fd, serve, options, e);
		if (failed)
			break;
		begun++;
		failed = settle(births + old, begun - old, limit, e);
		while (old < begun && births[old].ready < 0)
			old++;
	}
	if (!failed)
		failed = settle(births, begun, 0, e);
	progress_tell("nodes made", n, n);
	rundir_unlock(lab_fd);
	if (failed) {
		undo(lab, births, begun);
	}
	return failed;
}

/* With the lock held: all that can fail before there is a keeper, which cleans up. */
static int take_seat(struct node_seat *seat, int *ready, struct err *e)
{
	own(fd) int userns = -1;
	int ends[2];

	if (check_free(seat->lab_fd, seat->name, e) || get_userns(seat->lab_fd, &userns, e))
		return -1;
	if (pipe2(ends, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	*ready = ends[0];
	seat->ready_fd = ends[1];
	seat->listen_fd = rundir_bind(seat->lab_fd, seat->name, e);
	if (seat->listen_fd < 0)
		return -1;
	if (userns < 0 || !userns_enter(userns, e))
		return 0;
	rundir_remove_node(seat->lab_fd, seat->name);
	return elsewhere(e->errnum, e);
}

int start_here(const char *lab, const char *name, node_serve_fn *serve, const void *options,
	       struct err *e)
{
	struct node_seat seat = { .lab = lab, .name = name, .foreground = 1, .proc_fd = -1 };
	struct birth self = { .name = name };
	own(fd) int lab_fd = -1, ready = -1;
	int rc;

	if (name_check("node", name, e))
		return -1;
	lab_fd = rundir_lock_lab(lab, true, e);
	if (lab_fd < 0)
		return -1;
	seat.lab_fd = lab_fd;
	rc = take_seat(&seat, &ready, e);
	if (rc)
		rundir_remove_lab(lab_fd, lab);
	rundir_unlock(lab_fd);
	if (rc)
		return -1;
	seat.lab_fd = openat(lab_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	drop_fd(&lab_fd);
	if (run_keeper(&seat, serve, options))
		return err_os(e, errno, "%s: fork", name);
	self.ready = steal_fd(&ready);
	return hear(&self, e);
}
