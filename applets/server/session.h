/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * One client's connection: lines in, replies out, and where in the protocol it stands. What
 * one client does holds up nobody else: a session is read only while it owes nothing.
 */
#ifndef SERVER_SESSION_H
#define SERVER_SESSION_H

#include <stdbool.h>
#include <net/if.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/buf.h"
#include "loop.h"
#include "plan.h"
#include "server.h"
#include "wire/command.h"

/* What a handler says: done (the reply is queued), later (parked until session_resume), pass a
 * descriptor now (354), or failed (the error becomes a 500 or 550). */
enum answer { NOW, LATER, WANT_FD, FAILED };

/* Bits of struct command.modes. */
enum { MODE_NORMAL = 1, MODE_PROC = 2, MODE_BOTH = 3 };

/* What a client can pass: one descriptor under each of these names; under STDIO_ALL, three. All but
 * the last are a process's. */
enum stdio { STDIO_IN, STDIO_OUT, STDIO_ERR, STDIO_READY, STDIO_ALL, STDIO_NETNS, STDIO_KINDS };
extern const char *const stdio_names[STDIO_KINDS];

/* What a parked session waits for: its process to start, a process to end (and be forgotten),
 * the first of several to end, the network to change, the display to be given up, the interface that it
 * holds to be gone. */
enum park { PARK_NONE, PARK_START, PARK_END, PARK_FIRST, PARK_CHANGE, PARK_X11, PARK_LINK };

struct session {
	struct server *server;
	struct session *next, *prev;
	int fd;
	loop_id id;
	bool owner; /* of the node: its end is the node's end (--fd) */

	struct buf in, out;
	size_t taken;	 /* bytes of in that are done with */
	size_t scanned;	 /* bytes behind them that hold no newline */
	bool skipping;	 /* inside a line that is too long */
	int rest_ms;	 /* before it is read again, if there are others */
	bool eof;	 /* nothing more to read */
	bool large;	 /* its lines took much memory */
	bool closing;	 /* close when out is empty */
	bool broken;	 /* close now */
	struct args args; /* of the command under way */

	struct plan *plan; /* in the PROC mode */

	int want;	   /* an enum stdio: what is awaited; -1: nothing */
	char payload[16];
	size_t payload_len;
	char ifname[IFNAMSIZ]; /* STDIO_NETNS: what is to be taken from there */
	int got_fds[3];	   /* as many as were asked for, at most */
	size_t got_count;  /* all that came */

	bool parked;
	struct {
		enum park what;
		int32_t *pids; /* PARK_END: one; PARK_FIRST: several */
		size_t count;
	} wait;
};

/* Takes over fd, greets. false: not possible (fd is closed). */
bool session_start(struct server *s, int fd, bool owner);

/* Queue a reply; text may have several lines. */
void session_reply(struct session *s, int code, const char *text);
__attribute__((format(printf, 3, 4))) void session_replyf(struct session *s, int code,
							   const char *fmt, ...);
/* 200, a comment line, and a pickle (a whole document). */
void session_reply_data(struct session *s, const char *comment, const struct buf *pickle);
/* The 500 or 550 that an error stands for. */
void session_reply_error(struct session *s, const struct err *e);

/* Before a descriptor is sent, which would overtake the replies that are queued: sends those.
 * ERR_REFUSED: the client does not take them. */
int session_before_fd(struct session *s, struct err *e);
/* Then this sends it, with one byte, and queues the reply, as X11 SOCK does (wire.md section 6): 200 with this
 * text; if it could not be sent the byte alone and 500. false: it could not. The descriptor stays the caller's. */
bool session_send_fd(struct session *s, int fd, const char *text);

/* Ends the parking; the reply has been queued and goes out now. What the client has sent
 * since is looked at by the loop, never from here. */
void session_resume(struct session *s);

/* Flushes what can be, then closes everything; at the end of the server. */
void session_close_all(struct server *s);

/* From here on the server hears of changes of the network: the first who wants to know starts it. */
int watch_changes(struct server *s, struct err *e);

/* The rows of commands.h; their handlers get the session as ctx. */
extern const struct command server_commands[];

#define COMMAND(word, sub, mandatory, optional, modes, handler) \
	int handler(void *ctx, const struct command *cmd, struct err *e);
#include "commands.h"
#undef COMMAND

/* Takes the descriptors that were asked for with 354 (srv_proc.c). */
void srv_proc_take_fds(struct session *s, int which, const int *fds);
/* The same with the network namespace of LINK IMPT (srv_link.c). */
void srv_link_take_ns(struct session *s, int fd);

/* Reads one pair of an attribute and its value, of those in allowed, where LINK_DATA stands for all
 * that an interface of this kind has (srv_if.c). */
struct link_change;
__attribute__((warn_unused_result)) int link_change_read(struct link_change *c, unsigned int allowed,
							 const char *kind, const char *key,
							 const char *value, struct err *e);

#endif
