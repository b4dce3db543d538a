/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's keeper, the parent of its server: see keeper.h. */
#include "lab/keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fds.h"
#include "base/offspring.h"
#include "lab/rundir.h"

#define REST 8 /* descriptors are parked from here on while 3 to 7 are cleared */

struct socket_id socket_identify(int lab_fd, const char *name)
{
	struct stat st;

	if (fstatat(lab_fd, name, &st, AT_SYMLINK_NOFOLLOW))
		return (struct socket_id){0};
	return (struct socket_id){ st.st_ino, st.st_mtim };
}

void socket_remove(int lab_fd, const char *name, const struct socket_id *own)
{
	struct socket_id now = socket_identify(lab_fd, name);

	if (now.inode == own->inode && now.time.tv_sec == own->time.tv_sec &&
	    now.time.tv_nsec == own->time.tv_nsec)
		rundir_remove_node(lab_fd, name);
}

static bool kill_one(pid_t pid, void *unused)
{
	(void)unused;
	kill(pid, SIGKILL);
	return false;
}

/* What the server adopted has come to this process with its death: all of it is killed, again
 * and again, as what it leaves behind comes in turn. */
static void kill_rest(void)
{
	while (waitpid(-1, NULL, WNOHANG) >= 0 || errno != ECHILD) {
		offspring_find(getpid(), kill_one, NULL);
		waitpid(-1, NULL, 0);
	}
}

static void clean_up(const struct node_seat *seat, const struct socket_id *own_socket)
{
	if (rundir_lock(seat->lab_fd)) {
		socket_remove(seat->lab_fd, seat->name, own_socket);
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

/* Why there is no node. */
static void tell(const struct node_seat *seat, const struct err *e)
{
	if (write(seat->ready_fd, e, sizeof(*e)) < 0)
		return; /* no one may read it any more: then that was the error */
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
	tell(seat, &e);
	_exit(1);
}

void keeper_run(struct node_seat *seat, node_serve_fn *serve, const void *options)
{
	struct err e = ERR_INIT;
	struct socket_id own_socket = socket_identify(seat->lab_fd, seat->name);
	pid_t keeper = getpid(), server;
	sigset_t set;

	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	prctl(PR_SET_NAME, KEEPER_NAME);
	server = fork();
	if (!server)
		be_server(seat, keeper, &own_socket, serve, options);
	/* A dead server's socket must refuse connections at once. */
	drop_fd(&seat->listen_fd);
	drop_fd(&seat->lock_fd);
	drop_fd(&seat->proc_fd);
	if (server < 0) {
		err_os(&e, errno, "fork");
		tell(seat, &e);
		clean_up(seat, &own_socket);
	}
	drop_fd(&seat->ready_fd);
	if (server > 0)
		keep(seat, server, &own_socket);
}

int keeper_detach(struct node_seat *seat, struct err *e)
{
	int *const fds[5] = { &seat->lab_fd, &seat->listen_fd, &seat->ready_fd, &seat->lock_fd, &seat->proc_fd };
	unsigned int n = seat->proc_fd < 0 ? 4 : 5; /* of them */
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (null < 0)
		return err_os(e, errno, "/dev/null");
	seat->lab_fd = openat(seat->lock_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	for (int i = 0; i < 3; i++)
		if (dup2(null, i) < 0)
			return err_os(e, errno, "/dev/null");
	for (unsigned int i = 0; i < 5 && i < n; i++)
		*fds[i] = fcntl(*fds[i], F_DUPFD_CLOEXEC, REST);
	for (unsigned int i = 0; i < 5 && i < n; i++) {
		if (*fds[i] < 0 || dup3(*fds[i], 3 + (int)i, O_CLOEXEC) < 0)
			return err_os(e, errno, "descriptors");
		*fds[i] = 3 + (int)i;
	}
	close_fds_from(3 + (int)n);
	return setsid() < 0 || chdir("/") ? err_os(e, errno, "session") : 0;
}
