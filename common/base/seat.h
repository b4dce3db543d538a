/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a process that is to become a node is given by who starts it (lab/start.h). */
#ifndef BASE_SEAT_H
#define BASE_SEAT_H

/* Xauthority files are called this, the server's PID, a dot, and six more characters. */
#define X11_FILES "/tmp/.nemu-x11."

/* In the lab's folder this and the node's name are its resolv.conf; no node can be called so. */
#define SEAT_RESOLV "._resolv."

struct node_seat {
	const char *lab, *name;
	int lab_fd;    /* the lab's folder, opened for this process alone */
	int lock_fd;   /* the lab's lock, held until the socket listens: nobody may take it for a dead node's */
	int listen_fd; /* a socket, bound to its place in the folder, not yet listening */
	int ready_fd;  /* where a struct err is written: ERR_NONE when the node serves */
	int proc_fd;   /* a /proc for its settings (ns_new_proc), or -1: the one that is there */
	int foreground; /* stays with its terminal: SIGINT ends it */
};

#endif
