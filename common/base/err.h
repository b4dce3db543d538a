/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The error object: what went wrong, in one line a user can act on, and its kind, from which
 * exit codes (ui/exit.h) and protocol replies (session_reply_error) are derived.
 *
 * Every function that can fail takes a struct err * last, never NULL, fills it and returns -1
 * (or NULL). Nothing below applets/ prints or exits.
 */
#ifndef BASE_ERR_H
#define BASE_ERR_H

enum err_kind {
	ERR_NONE,
	ERR_USAGE,    /* the words of a command line or a protocol line are wrong */
	ERR_ABSENT,   /* no such lab, node, interface, process */
	ERR_VALUE,    /* a word that is well formed but means nothing here */
	ERR_OS,       /* a system call failed: errnum says how, step says where */
	ERR_KERNEL,   /* the kernel refused a netlink request: errnum, and its own text */
	ERR_REFUSED,  /* a server said 500 */
	ERR_FEATURE,  /* this machine or this server lacks the feature */
	ERR_PEER,     /* the other side broke the protocol or went away */
	ERR_TIMEOUT,
	ERR_INTERNAL, /* out of memory and the like */
};

struct err {
	enum err_kind kind;
	int errnum;	 /* an errno, or 0 */
	long key;	 /* ERR_ABSENT on the wire: the key that was not found */
	const char *step; /* ERR_OS of starting a process: "cwd", "exec", ... or NULL; static */
	char text[512];	 /* one line, without the program's name and without a newline */
};

#define ERR_INIT { 0 }

/* All return -1, so that a caller can write "return err_set(...)". */

/* Replaces what is there. */
__attribute__((format(printf, 4, 5))) int err_set(struct err *e, enum err_kind kind, int errnum,
						  const char *fmt, ...);

/* ERR_OS with the text "FMT: strerror(errnum)". */
__attribute__((format(printf, 3, 4))) int err_os(struct err *e, int errnum, const char *fmt, ...);

/* Puts "FMT: " in front of the text that is there. */
__attribute__((format(printf, 2, 3))) int err_prefix(struct err *e, const char *fmt, ...);

int err_nomem(struct err *e);

/* Makes text from a peer one printable line: control characters become '?'. In place. */
void err_printable(char *text);

#endif
