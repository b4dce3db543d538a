/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Conditions of a lab that can be waited for. Each is looked at first and waited for only then;
 * by events where the kernel has them, by looking again every few milliseconds where it has none.
 */
#ifndef LAB_WATCH_H
#define LAB_WATCH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"

enum watch_kind {
	WATCH_UP,     /* interface a is up and has a carrier */
	WATCH_DOWN,   /* it is there, and is down or has none */
	WATCH_ADDR,   /* interface a has an address (b, if it is given) that is not tentative */
	WATCH_ROUTE,  /* there is a route to prefix a */
	WATCH_NEIGH,  /* the link-layer address of a is known */
	WATCH_LISTEN, /* a socket listens on a ("tcp/80"); of process owner, if that is not 0 */
	WATCH_PING,   /* a answers */
	WATCH_FILE,   /* the path a exists */
	WATCH_LOG,    /* a line of process a's log matches the extended regular expression b */
	WATCH_EXIT,   /* process a has ended */
	WATCH_CMD,    /* the program argv ends with 0 */
	WATCH_FD,     /* descriptor fd is readable; it stays the caller's */
};

struct watch_spec {
	enum watch_kind kind;
	const char *lab, *node, *a, *b; /* kept by reference */
	char **argv;
	pid_t owner;
	int fd;
};

struct watch;

/* NULL: it can never become true (no such node, process; a bad word), or error. */
struct watch *watch_new(const struct watch_spec *spec, struct err *e);
void watch_free(struct watch *w);

/* 1: it is so; 0: it is not; WATCH_UNKNOWN: no run of a program (ping, cmd) has told yet; -1: error. */
#define WATCH_UNKNOWN 2
__attribute__((warn_unused_result)) int watch_check(struct watch *w, struct err *e);

/* Waits until one of n may have become true (they are to be checked again), at most until
 * deadline (ms of now_ms; -1: no limit). false: the time is up. */
bool watch_wait(struct watch *const *w, size_t n, int64_t deadline);

#endif
