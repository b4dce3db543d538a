/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A node's server: how it is set up, and how it ends. See server.h. */
#include "server.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <malloc.h>
#include <net/if.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/fds.h"
#include "base/hosts.h"
#include "base/seat.h"
#include "children.h"
#include "describe.h"
#include "imports.h"
#include "kernel/caps.h"
#include "kernel/link.h"
#include "kernel/ns.h"
#include "names.h"
#include "session.h"

#define KILL_WAIT_MS 3000 /* between SIGTERM and SIGKILL (wire.md section 4) */
#define HARD_STEP_MS 20
#define ACCEPT_AGAIN_MS 100
#define MAX_SESSIONS 4000

struct netlink *server_netlink(struct server *s, struct err *e)
{
	if (!s->nl)
		s->nl = netlink_open(e);
	else if (netlink_mend(s->nl, e))
		return NULL;
	return s->nl;
}

static void end_hard(void *obj, uint32_t events)
{
	struct server *s = obj;

	(void)events;
	if (children_end_step(s, true))
		loop_stop(s->loop);
	else
		loop_timer(s->loop, HARD_STEP_MS, end_hard, s);
}

void server_end(struct server *s)
{
	if (s->ending)
		return;
	s->ending = true;
	/* The socket stays bound and listening, so that the name is taken until all is gone. */
	loop_del(s->loop, s->listen_id);
	loop_timer(s->loop, KILL_WAIT_MS, end_hard, s);
	if (children_end_step(s, false))
		loop_timer(s->loop, 0, end_hard, s);
}

static void on_signal(void *obj, uint32_t events)
{
	struct server *s = obj;
	struct signalfd_siginfo si;
	bool child = false;

	(void)events;
	while (read(s->signal_fd, &si, sizeof(si)) == (ssize_t)sizeof(si)) {
		if (si.ssi_signo == SIGCHLD)
			child = true;
		else if (si.ssi_signo == SIGIO)
			names_files_changed(s);
		else if (si.ssi_signo == SIGTERM || (si.ssi_signo == SIGINT && s->foreground))
			server_end(s);
	}
	if (child)
		children_reap(s);
	if (child && s->ending && children_end_step(s, false))
		loop_stop(s->loop);
}

/* A signal of its own, as by kill(1), must reach the loop; what the caller ignored must not be
 * ignored in the node's programs. */
static int take_signals(struct server *s, struct err *e)
{
	const unsigned long by_default[8] = {0}; /* the kernel's struct sigaction: SIG_DFL */
	sigset_t mask;

	/* libc would leave out the two signals that it keeps for itself; who called may not have. */
	for (int sig = 1; sig <= SIGRTMAX; sig++)
		syscall(SYS_rt_sigaction, sig, by_default, NULL, _NSIG / 8);
	sigemptyset(&mask);
	sigaddset(&mask, SIGCHLD);
	sigaddset(&mask, SIGTERM);
	sigaddset(&mask, SIGINT);
	sigaddset(&mask, SIGHUP);
	sigaddset(&mask, SIGPIPE);
	sigaddset(&mask, SIGXFSZ);
	sigaddset(&mask, SIGIO);
	sigprocmask(SIG_SETMASK, &mask, NULL);
	s->signal_fd = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
	if (s->signal_fd < 0 || !loop_add(s->loop, s->signal_fd, EPOLLIN, on_signal, s))
		return err_os(e, errno, "signalfd");
	return 0;
}

/* Those of 0 to 2 that the caller had closed are /dev/null (main.c): that is for the node's programs as well,
 * which would take the first file that they open for one of them. */
static int share_stdio(struct err *e)
{
	for (int fd = 0; fd < 3; fd++)
		if (fcntl(fd, F_SETFD, 0))
			return err_os(e, errno, "descriptor %d", fd);
	return 0;
}

/* The connection is no program's standard input or output. */
static int out_of_stdio(int *fd, struct err *e)
{
	own(fd) int null = -1;
	int moved;

	if (*fd > 2)
		return fcntl(*fd, F_SETFD, FD_CLOEXEC) ? err_os(e, errno, "descriptor %d", *fd) : 0;
	null = open("/dev/null", O_RDWR | O_CLOEXEC);
	moved = fcntl(*fd, F_DUPFD_CLOEXEC, 3);
	if (null < 0 || moved < 0 || dup2(null, *fd) < 0)
		return err_os(e, errno, "descriptor %d", *fd);
	*fd = moved;
	return 0;
}

static int init(struct server *s, struct err *e)
{
	*s = (struct server){ .lab_fd = -1, .listen_fd = -1, .mntns = -1, .signal_fd = -1,
			     .monitor_fd = -1, .imports_fd = -1, .x11 = { .sock = -1 },
			     .names = { .monitor_fd = -1, .timer_fd = -1,
					.next = HOSTS_NONE },
			     .etc = { .watch_fd = -1 } };
	s->started = time(NULL);
	/* What one long line took goes back; else libc would keep more after each, and 8 MiB in the end. */
	mallopt(M_MMAP_THRESHOLD, 128 << 10);
	s->loop = loop_new(e);
	if (!s->loop || share_stdio(e) || children_init(s, e) || take_signals(s, e))
		return -1;
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	return 0;
}

#ifdef __SANITIZE_ADDRESS__
void __lsan_do_leak_check(void);
#else
static void __lsan_do_leak_check(void)
{
}
#endif

/* The kernel deletes what is in a network namespace some time after its last user has gone, and the other ends
 * of links with it, whose names are taken until then. Where a program has the descriptor of a tap the namespace
 * stays, and all that is in it. */
static void delete_links(struct server *s)
{
	struct err ignored;
	struct netlink *nl = server_netlink(s, &ignored);
	own(ifaces) struct ifaces all = {0};
	own(mem) int *indexes = NULL;
	size_t n = 0;

	if (!nl || ifaces_read(&all, nl, &ignored))
		return;
	indexes = calloc(all.n + 1, sizeof(*indexes));
	for (size_t i = 0; indexes && i < all.n; i++)
		if (!(all.v[i].flags & IFF_LOOPBACK) && (s->tap_given || all.v[i].has_netnsid))
			indexes[n++] = all.v[i].index;
	link_del_all(nl, indexes, n);
}

static void serve(struct server *s)
{
	loop_run(s->loop);
	imports_return(s);
	if ((s->cut_links || s->tap_given) && s->lab_fd >= 0) /* else the namespace may be the caller's */
		delete_links(s);
	session_close_all(s);
	children_free(s);
	netlink_close(s->nl);
	free(s->shaped);
	x11_free(s);
	loop_free(s->loop);
	if (!s->isolate_pid) /* there no process can start any more, which the check needs */
		__lsan_do_leak_check();
}

/* What the commands need; programs that root starts have all again. */
static int lower_caps(struct err *e)
{
	return caps_lower(CAPS_BIT(CAP_NET_ADMIN) |
			  CAPS_BIT(CAP_NET_BIND_SERVICE) | /* ports of tunnels that are set up */
			  CAPS_BIT(CAP_SYS_ADMIN) | CAPS_BIT(CAP_SYS_CHROOT) | /* namespaces */
			  CAPS_BIT(CAP_SETUID) | CAPS_BIT(CAP_SETGID) | CAPS_BIT(CAP_SETPCAP) | /* -u */
			  CAPS_BIT(CAP_CHOWN) | CAPS_BIT(CAP_FOWNER) | /* Xauthority files */
			  CAPS_BIT(CAP_DAC_OVERRIDE) | /* -d */
			  CAPS_BIT(CAP_KILL), e);
}

int server_run_fd(int fd, bool no_netns, struct err *e)
{
	struct server s;
	int type;
	socklen_t len = sizeof(type);

	if (getsockopt(fd, SOL_SOCKET, SO_TYPE, &type, &len) || type != SOCK_STREAM)
		return err_set(e, ERR_USAGE, 0, "descriptor %d is no stream socket", fd);
	if (out_of_stdio(&fd, e) || init(&s, e))
		return -1;
	if (!no_netns && (ns_unshare(CLONE_NEWNET, e) || ns_sysctls(-1, true, false, e)))
		return -1;
	s.forwarding = !no_netns;
	s.dad = true;
	if (lower_caps(e))
		return -1;
	if (!session_start(&s, fd, true))
		return err_nomem(e);
	serve(&s);
	return 0;
}

static bool may_connect(int fd)
{
	struct ucred peer;
	socklen_t len = sizeof(peer);

	return !getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) &&
	       (peer.uid == 0 || peer.uid == geteuid());
}

static void on_connect(void *obj, uint32_t events)
{
	static const char refusal[] = "500 This node is another user's.\n";
	struct server *s = obj;
	int fd = accept4(s->listen_fd, NULL, NULL, SOCK_CLOEXEC);

	(void)events;
	if (fd < 0 && (errno == EAGAIN || errno == ECONNABORTED || errno == EINTR))
		return;
	if (fd >= 0 && !may_connect(fd)) {
		send(fd, refusal, sizeof(refusal) - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
		close(fd);
	} else if (fd >= 0) {
		session_start(s, fd, false);
	}
	/* Out of descriptors or memory, which not only the end of a session gives back. */
	if (fd < 0)
		loop_rest(s->loop, s->listen_id, EPOLLIN, ACCEPT_AGAIN_MS);
	else if (s->session_count >= MAX_SESSIONS)
		loop_set(s->loop, s->listen_id, 0);
}

/* The first process of the PID namespace: adopts and reaps, shows the right /proc, dies with
 * its server, which could not look at it if it had more capabilities; SIGTERM from there: ends when it has
 * no child left. */
__attribute__((noreturn)) static void run_init(int told)
{
	struct err e = ERR_INIT;
	siginfo_t si;
	sigset_t term;
	bool failed;

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "nemu-init");
	sigemptyset(&term);
	sigaddset(&term, SIGTERM);
	sigprocmask(SIG_SETMASK, &term, NULL);
	failed = ns_unshare(CLONE_NEWNS, &e) || ns_mount_proc(&e) || caps_give_up(&e);
	/* First all else, the lab's lock among it, which nobody may have to wait for. */
	failed = dup2(told, 0) < 0 || failed;
	close_fds_from(1);
	if (write(0, &e, sizeof(e)) != (ssize_t)sizeof(e) || failed)
		_exit(1);
	close(0);
	signal(SIGCHLD, SIG_IGN);
	while (sigwaitinfo(&term, &si) < 0 || si.si_pid) /* 0: from outside of the PID namespace */
		;
	while (waitpid(-1, NULL, 0) > 0 || errno == EINTR)
		;
	_exit(0);
}

static int isolate_pids(struct server *s, struct err *e)
{
	own(fd) int hear = -1, tell = -1;
	struct err told = ERR_INIT;
	char path[40];
	int ends[2];

	if (ns_unshare(CLONE_NEWPID, e))
		return -1;
	if (pipe2(ends, O_CLOEXEC))
		return err_os(e, errno, "pipe");
	hear = ends[0];
	tell = ends[1];
	s->init = fork();
	if (!s->init)
		run_init(tell);
	drop_fd(&tell);
	if (s->init < 0)
		return err_os(e, errno, "fork");
	if (read(hear, &told, sizeof(told)) != (ssize_t)sizeof(told))
		return err_set(e, ERR_OS, 0, "the first process of the PID namespace has ended");
	if (told.kind) {
		*e = told;
		return -1;
	}
	snprintf(path, sizeof(path), "/proc/%d/ns/mnt", (int)s->init);
	s->mntns = open(path, O_RDONLY | O_CLOEXEC);
	return s->mntns < 0 ? err_os(e, errno, "%s", path) : 0;
}

/* The ports of a switch are no hosts: they have no IPv6 addresses. The bridge itself may. */
static int make_bridge(struct server *s, struct err *e)
{
	static const char name[] = "br0";
	struct link_change how = {
		.set = LINK_LLADDR | LINK_UP,
		.lladdr = lladdr_of(s->lab, s->name, name),
		.up = true,
	};
	struct netlink *nl = server_netlink(s, e);
	struct iface i;

	if (!nl || link_add(nl, name, "bridge", 0, &how, e) || link_by_name(nl, name, &i, e))
		return -1;
	s->bridge = i.index;
	return ns_no_ipv6(e);
}

static int make_namespaces(struct server *s, int proc_fd, const struct node_options *o, struct err *e)
{
	if (ns_unshare(CLONE_NEWNET | CLONE_NEWNS | CLONE_NEWUTS, e) || ns_private_mounts(e) ||
	    ns_hostname(s->name, e))
		return -1;
	if (names_begin(s, e))
		return -1;
	s->forwarding = !o->host;
	s->dad = o->dad;
	if (ns_sysctls(proc_fd, s->forwarding, !o->dad, e))
		return -1;
	s->isolate_pid = o->isolate_pid;
	if (o->isolate_pid && isolate_pids(s, e))
		return -1;
	/* A host can have addresses without a command: those that routers advertise. */
	return link_loopback_up(e) || (o->is_switch && make_bridge(s, e)) || (o->host && names_follow(s, e))
		       ? -1
		       : 0;
}

int server_run_node(const struct node_seat *seat, const void *options, struct err *e)
{
	struct server s;
	struct err ready = ERR_INIT;

	if (init(&s, e))
		return -1;
	s.lab = seat->lab;
	s.name = seat->name;
	s.lab_fd = seat->lab_fd;
	s.listen_fd = seat->listen_fd;
	s.foreground = seat->foreground;
	if (make_namespaces(&s, seat->proc_fd, options, e) || lower_caps(e))
		return -1;
	s.listen_id = loop_add(s.loop, s.listen_fd, EPOLLIN, on_connect, &s);
	if (listen(s.listen_fd, SOMAXCONN) || !s.listen_id)
		return err_os(e, errno, "listening");
	close(seat->lock_fd);
	/* Nobody who waits for this node is left: then nobody knows of it either. */
	if (write(seat->ready_fd, &ready, sizeof(ready)) != (ssize_t)sizeof(ready))
		return err_os(e, errno, "telling of the node");
	close(seat->ready_fd);
	if (seat->proc_fd >= 0)
		close(seat->proc_fd);
	malloc_trim(0); /* of what it took so far */
	serve(&s);
	return 0;
}
