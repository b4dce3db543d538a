/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Starting nodes: see start.h. */
#include "lab/start.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/signals.h"
#include "kernel/ns.h"
#include "kernel/userns.h"
#include "lab/keeper.h"
#include "lab/name.h"
#include "lab/progress.h"
#include "lab/rundir.h"

#define CROWD 64 /* so many nodes at once have a /proc for their settings: ns_new_proc */

/* One node on its way. */
struct birth {
	const char *name;
	pid_t keeper;
	struct socket_id socket;
	int ready; /* where its server tells; -1 once it has, or has failed */
};

/* What those of one call have in common. */
struct kin {
	const char *lab;
	int lab_fd, userns, proc_fd; /* -1: the caller's user namespace; not looked for yet */
	int signals; /* by which the user wants an end */
	node_serve_fn *serve;
	const void *options;
};

/* With the lock held. A dead node's socket is removed. */
static int check_free(int lab_fd, const char *name, struct err *e)
{
	bool stale;
	own(fd) int fd = -1;

	if (!socket_identify(lab_fd, name).inode)
		return 0;
	fd = rundir_connect(lab_fd, name, &stale, e);
	if (fd >= 0)
		return err_set(e, ERR_REFUSED, EEXIST, "%s: such a node exists already", name);
	if (!stale && e->kind != ERR_ABSENT)
		return err_prefix(e, "%s", name);
	rundir_remove_node(lab_fd, name);
	return 0;
}

/* 0: no such node lives; -1: it cannot be seen from here. */
static pid_t server_pid(int lab_fd, const char *name)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	struct err ignored;
	bool stale;
	own(fd) int node = rundir_connect(lab_fd, name, &stale, &ignored);

	if (node < 0 || getsockopt(node, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return 0;
	return peer.pid ? peer.pid : -1;
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

		if (pid < 0)
			return err_set(e, ERR_OS, EPERM,
				       "the lab's nodes are in a PID namespace that cannot be seen from this one");
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
	if (*fd >= 0 && needed)
		userns_recall();
	else if (needed)
		*fd = userns_make(e);
	if (*fd >= 0)
		rundir_pin(); /* the user is called root in there */
	return needed && *fd < 0 ? -1 : 0;
}

/* A child becomes a keeper; returns if it cannot, or when the node has ended. */
static int become_keeper(struct node_seat *seat, const struct kin *kin)
{
	struct err e = ERR_INIT;
	int tell = seat->ready_fd;

	if (kin->userns >= 0 && userns_enter(kin->userns, &e)) {
		elsewhere(e.errnum, &e); /* into a new one one may go */
	} else if (!keeper_detach(seat, &e)) {
		keeper_run(seat, kin->serve, kin->options);
		return 0;
	}
	return write(seat->ready_fd >= 0 ? seat->ready_fd : tell, &e, sizeof(e)) < 0 ? 2 : 1;
}

static int begin(struct birth *b, const struct kin *kin, struct err *e)
{
	int lab_fd = kin->lab_fd;
	own(fd) int listen_fd = rundir_bind(lab_fd, b->name, e), tell = -1;
	struct node_seat seat = { .lab = kin->lab, .name = b->name, .lock_fd = lab_fd, .proc_fd = kin->proc_fd };
	int ends[2];

	if (listen_fd < 0)
		return -1;
	if (pipe2(ends, O_CLOEXEC)) {
		err_os(e, errno, "pipe");
		rundir_remove_node(lab_fd, b->name);
		return -1;
	}
	tell = ends[1];
	b->socket = socket_identify(lab_fd, b->name);
	b->keeper = fork();
	if (b->keeper < 0) {
		err_os(e, errno, "fork");
		close(ends[0]);
		rundir_remove_node(lab_fd, b->name);
		return -1;
	}
	if (!b->keeper) {
		seat.listen_fd = listen_fd;
		seat.ready_fd = tell;
		_exit(become_keeper(&seat, kin));
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

/* Waits until at most limit nodes are still on their way, or the user wants an end. */
static int settle(struct birth *births, size_t n, size_t limit, int signals, struct err *e)
{
	for (;;) {
		struct pollfd p[256] = { { .fd = signals, .events = POLLIN } };
		struct birth *who[256];
		nfds_t open = 1;

		for (size_t i = 0; i < n && open < 256; i++) {
			if (births[i].ready < 0)
				continue;
			who[open] = &births[i];
			p[open++] = (struct pollfd){ .fd = births[i].ready, .events = POLLIN };
		}
		if (open - 1 <= limit)
			return 0;
		if (poll(p, open, -1) < 0)
			continue;
		if (p[0].revents)
			return err_set(e, ERR_OS, EINTR, "interrupted");
		for (nfds_t i = 1; i < open; i++)
			if (p[i].revents && hear(who[i], e))
				return -1;
	}
}

/* The lock is held by servers that do not listen yet at most: the keepers need it. One that had no time to begin
 * leaves its socket. */
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
		socket_remove(lab_fd, births[i].name, &births[i].socket);
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

static int check_names(char *const *names, size_t n, struct err *e)
{
	for (size_t i = 0; i < n; i++) {
		if (name_check("node", names[i], e))
			return -1;
		for (size_t k = 0; k < i; k++)
			if (!strcmp(names[k], names[i]))
				return err_set(e, ERR_REFUSED, EEXIST, "%s: given twice", names[i]);
	}
	return 0;
}

/* With the lock held. *begun: how many there are to be undone if it fails. */
static int make(struct birth *births, char *const *names, size_t n, size_t *begun, struct kin *kin,
		struct err *e)
{
	size_t limit = window(), old = 0; /* only those on their way are looked at: [old, *begun) */

	for (size_t i = 0; i < n; i++)
		if (check_free(kin->lab_fd, names[i], e))
			return -1;
	if (get_userns(kin->lab_fd, &kin->userns, e))
		return -1;
	for (size_t i = 0; i < n; i++) {
		progress_tell("nodes made", i, n);
		if (n >= CROWD && i % CROWD == 0) {
			drop_fd(&kin->proc_fd);
			kin->proc_fd = ns_new_proc();
		}
		births[i] = (struct birth){ .name = names[i], .ready = -1 };
		if (begin(&births[i], kin, e))
			return -1;
		*begun = i + 1;
		if (settle(births + old, *begun - old, limit, kin->signals, e))
			return -1;
		while (old < *begun && births[old].ready < 0)
			old++;
	}
	return settle(births, n, 0, kin->signals, e);
}

int start_nodes(const char *lab, char *const *names, size_t n, node_serve_fn *serve,
		const void *options, struct err *e)
{
	struct kin kin = { .lab = lab, .userns = -1, .proc_fd = -1, .serve = serve, .options = options };
	own(mem) struct birth *births = NULL;
	own(fd) int lab_fd = -1;
	own(signals) struct signals signals = SIGNALS_NONE;
	size_t begun = 0;
	bool from_user;
	int rc, sig;

	if (check_names(names, n, e))
		return -1;
	lab_fd = rundir_lock_lab(lab, true, e);
	if (lab_fd < 0)
		return -1;
	kin.lab_fd = lab_fd;
	rc = signals_catch(&signals, false, e);
	kin.signals = signals.fd;
	births = calloc(n, sizeof(*births));
	if (!rc)
		rc = births ? make(births, names, n, &begun, &kin, e) : err_nomem(e);
	progress_tell("nodes made", n, n);
	drop_fd(&lab_fd); /* not unlocked, which it would be for servers that do not listen yet as well */
	drop_fd(&kin.userns);
	drop_fd(&kin.proc_fd);
	sig = signals_read(signals.fd, &from_user);
	if (!rc && !sig)
		return 0;
	undo(lab, births, begun);
	if (sig)
		signals_die_of(sig);
	return -1;
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
	own(fd) int lock_fd = -1, lab_fd = -1, ready = -1;
	sigset_t all, before;

	if (name_check("node", name, e))
		return -1;
	lock_fd = rundir_lock_lab(lab, true, e);
	if (lock_fd < 0)
		return -1;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before); /* from here on it is the keeper that hears of an end */
	lab_fd = openat(lock_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	seat.lab_fd = lab_fd;
	if (lab_fd < 0 ? err_os(e, errno, "lab %s", lab) : take_seat(&seat, &ready, e)) {
		rundir_remove_lab(lock_fd, lab);
		sigprocmask(SIG_SETMASK, &before, NULL);
		return -1;
	}
	seat.lock_fd = steal_fd(&lock_fd);
	keeper_run(&seat, serve, options);
	self.ready = steal_fd(&ready);
	return hear(&self, e);
}
