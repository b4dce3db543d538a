/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A node's server: what its parts share. One process, one thread; sessions (session.c) are
 * state machines over the loop, commands (commands.h) are rows whose handlers stand in srv_*.c,
 * children.c knows every process that was started. Nothing here prints.
 */
#ifndef SERVER_SERVER_H
#define SERVER_SERVER_H

#include <stdbool.h>
#include <sys/types.h>
#include <time.h>

#include "base/err.h"
#include "base/net.h"
#include "etc.h"
#include "kernel/netlink.h"
#include "loop.h"
#include "x11.h"

#define NAMES_ADDED 32
#define NAMES_SERVERS 3 /* a resolver looks at no more */

struct session;
struct children;

struct server {
	struct loop *loop;
	struct netlink *nl; /* opened on first use: server_netlink */
	struct session *sessions;
	int session_count;
	int session_peak; /* since memory was last given back */
	struct children *children;
	struct import *imports;	/* interfaces that go back: imports.c */
	int imports_fd; /* tells of those that have gone by themselves; -1: there are none */
	loop_id imports_id;
	struct x11 x11;
	struct shaped *shaped;	/* what the kernel does not tell of impairments: srv_tc.c */
	size_t shaped_count;

	/* A resident server; without these (lab_fd -1) it serves one connection (--fd). */
	const char *lab, *name;
	int lab_fd;    /* the lab's folder */
	int listen_fd; /* -1: none */
	loop_id listen_id;
	int mntns; /* with a PID namespace: where its /proc is; else -1 */
	pid_t init; /* the first process of the PID namespace, or 0 */
	bool isolate_pid, forwarding, dad;
	int top_index; /* of interfaces, that was given or told; 0: nobody has asked yet */
	int bridge; /* a switch: the index of its bridge; else 0 */
	time_t started;
	int signal_fd;
	int monitor_fd; /* -1: nobody has asked yet */
	int changes;	/* of the network, since somebody asked */
	struct {
		int monitor_fd, timer_fd; /* -1: no hosts file is kept */
		loop_id monitor_id;
		bool following;
		bool soon;    /* the timer has been set by a change */
		int put_off;  /* how often a look has been, as more came */
		size_t next;  /* where a line of it may be free for another address */
		char added[NAMES_ADDED][INADDR_TEXT]; /* that it has to get */
		size_t n_added;
		struct inaddr servers[NAMES_SERVERS]; /* that its resolv.conf has from it */
		size_t n_servers;
	} names;
	struct etc etc;
	struct {
		struct session *holder; /* NULL: there is none */
		int index;
	} uplink; /* an interface that goes with a connection: uplink.c */
	bool cut_links; /* are deleted before it ends, not by the kernel some time later */
	bool tap_given; /* whose descriptor keeps the network namespace for as long as somebody has it */
	bool foreground; /* SIGINT ends it, too */
	bool ending;
};

/* What the words of "node add" say of a node. */
struct node_options {
	bool isolate_pid;
	bool host; /* forwarding off */
	bool dad;  /* IPv6 duplicate address detection on */
	bool is_switch; /* it holds a bridge */
};

/* Serves one connection on an inherited socket until it ends, as the reference does (wire.md
 * section 4, last paragraph): in a new network namespace with forwarding on, unless no_netns.
 * 0 at the end of the connection, -1 if it could not be set up. */
__attribute__((warn_unused_result)) int server_run_fd(int fd, bool no_netns, struct err *e);

/* The rest of a process that has become a node: makes the namespaces, listens on listen_fd
 * (bound to its place in lab_fd), tells on ready_fd and serves until the node ends. options: a struct
 * node_options, of which who starts nodes (lab/start.h) knows nothing. */
struct node_seat;
__attribute__((warn_unused_result)) int server_run_node(const struct node_seat *seat,
							const void *options, struct err *e);

/* The server's rtnetlink socket, in order. NULL: error. */
struct netlink *server_netlink(struct server *s, struct err *e);

/* After the MTU of an interface has changed: what its impairments computed from it follows. */
__attribute__((warn_unused_result)) int server_mtu_changed(struct server *s, int index,
							   struct err *e);

/* Begins the end of the node: children get SIGTERM, 3 s later SIGKILL; then the loop stops. */
void server_end(struct server *s);

#endif
