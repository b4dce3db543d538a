/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A connection to a node's server: commands out, replies in (wire.md sections 1 and 2). Commands
 * may be put several at a time; their replies are then read in the same order.
 */
#ifndef LAB_CLIENT_H
#define LAB_CLIENT_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/value.h"

/* What a command belongs to, for errors that are known later: the giver's. */
struct origin {
	unsigned long line;
	const void *what;
};

struct client {
	int fd;
	pid_t pid; /* of the server; 0: this process cannot see it */
	struct buf in, out;
	size_t taken;	  /* bytes of in that are done with */
	bool greeted;	  /* its greeting has been read */
	bool spoiled;	  /* something failed: of no use for another command */
	bool impatient;	  /* a signal that is blocked and pending, and is to end a program, ends the waiting (EINTR) */
	int open_replies; /* to commands that were put */
	const char *ahead[4]; /* commands that were sent before their answer is wanted */
	size_t ahead_count;
	/* Of a connection that is kept (pool.h): */
	struct kept *kept;
	struct origin *later; /* commands whose replies are read later */
	size_t later_count;
	struct { /* interfaces that it was asked for */
		char name[16];
		int index;
	} interfaces[8];
	size_t known; /* how many were; the last 8 are there */
};

/* Connects; the greeting is read with the first reply. ERR_ABSENT: no such node. Close it in
 * any case. */
__attribute__((warn_unused_result)) int client_open(struct client *c, const char *lab,
						    const char *node, struct err *e);
/* The same for many of a lab, whose folder is open (rundir_open_lab); lab_fd -1: it is not there. */
__attribute__((warn_unused_result)) int client_open_in(struct client *c, const char *lab, int lab_fd,
						       const char *node, struct err *e);
void client_close(struct client *c);

/* Before PIDs are exchanged with the server: do they mean the same to both? */
__attribute__((warn_unused_result)) int client_check_pid(const struct client *c, struct err *e);

#define CLIENT_INIT { .fd = -1 }
static inline void own_client(struct client *c)
{
	client_close(c);
}

/* Build one command: words and arguments by a format, as printf's; arguments of type b by client_put_b, behind a space
 * of its own; client_end ends the line. client_say is a whole one. Nothing is sent yet. */
#define client_put(c, ...) buf_addf(&(c)->out, __VA_ARGS__)
void client_put_b(struct client *c, const char *text);
void client_end(struct client *c);
#define client_say(c, ...) (client_put(c, __VA_ARGS__), client_end(c))

/* Sends commands without arguments (up to a NULL; they must live on) before their answers are wanted: the next
 * client_ask for one only reads. So many servers can work at the same time. An error shows there. */
void client_ahead(struct client *c, const char *const *commands);

/* A command without arguments, and its reply, whose last line is a pickle. NULL: error. */
const struct value *client_ask(struct client *c, const char *command, struct value_pool *pool,
			       struct err *e);

/* So many descriptors may be open besides a few others, if the system allows; returns how many may. */
size_t client_many(size_t n);

/* From here on reading fails with EAGAIN when nothing has come for so long, as from a server that hangs; ms < 0: never. */
void client_limit(struct client *c, int64_t ms);

/* Sends what was put, for a reply that is to be read later. */
__attribute__((warn_unused_result)) int client_flush(struct client *c, struct err *e);

/* Reads one reply, after sending what was put. *code as it came; the text of the last line goes
 * to text (the caller's buffer), made printable. A 550 becomes the error it carries, a 500
 * ERR_REFUSED; another code is returned with 0. */
__attribute__((warn_unused_result)) int client_reply(struct client *c, int *code, char *text,
						     size_t size, struct err *e);

/* Reads one reply which must be a success; the text is dropped. */
__attribute__((warn_unused_result)) int client_done(struct client *c, struct err *e);

/* The same for one whose text begins with a number. */
__attribute__((warn_unused_result)) int client_number(struct client *c, int *number, struct err *e);
/* With n of them; without them it is ERR_PEER. */
__attribute__((warn_unused_result)) int client_numbers(struct client *c, int *numbers, size_t n,
						       struct err *e);

/* client_done for a command that was put as the last; an error gets the name of its node in front. If
 * connections are kept (pool.h) it may return before, and the error goes to whom the pool tells. */
__attribute__((warn_unused_result)) int client_later(struct client *c, const char *node,
						     struct err *e);

/* Sends what was put, and reads the replies that are to be read later. */
__attribute__((warn_unused_result)) int client_catch_up(struct client *c, struct err *e);

/* Reads one reply whose last line is a pickle. NULL: error. */
const struct value *client_data(struct client *c, struct value_pool *pool, struct err *e);

/* Reads the 354 to a command that was put, and passes n descriptors (one; three for "PROC STD")
 * under its name; behind, unless NULL, is a command that goes in the same message, as a server of ours
 * allows. The replies to both are still to be read. */
__attribute__((warn_unused_result)) int client_send_fds(struct client *c, const char *name,
							const int *fds, size_t n, const char *behind,
							struct err *e);

/* After a command whose reply brings a descriptor (one byte "1" before it): the descriptor, the
 * caller's to close; -1: error. All earlier replies must have been read. */
__attribute__((warn_unused_result)) int client_receive(struct client *c, struct err *e);

/* Waits until a reply begins to arrive or other (-1: none) is readable; ms < 0: no limit.
 * 1: the reply, 2: other, 0: time is up. */
int client_poll(struct client *c, int other, int ms);

#endif
