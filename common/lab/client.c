/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A connection to a node's server: see client.h. */
#include "lab/client.h"

#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/num.h"
#include "base/signals.h"
#include "lab/name.h"
#include "lab/pool.h"
#include "lab/rundir.h"
#include "wire/base64.h"
#include "wire/line.h"
#include "wire/object.h"
#include "wire/passfd.h"
#include "wire/pickle.h"

#define REPLY_MAX (256u << 20) /* of one reply; larger is no honest server */
#define FULL 8192	       /* bytes that are worth sending before anybody waits for the answer */
#define LOOK_MS 200	       /* between looks at signals that are blocked */
#define GRACE_MS 1000
#define OTHERS 32	       /* descriptors that a command has besides its connections */

/* lab_fd -1: the lab is not there. */
static int connect_to(struct client *c, const char *lab, int lab_fd, const char *node, struct err *e)
{
	struct ucred peer = {0};
	socklen_t len = sizeof(peer);
	bool stale;

	if (lab_fd >= 0)
		c->fd = rundir_connect(lab_fd, node, &stale, e);
	if (c->fd < 0 && (lab_fd < 0 || e->kind == ERR_ABSENT))
		return err_set(e, ERR_ABSENT, ENOENT, "%s: no such node in lab %s", node, lab);
	if (c->fd < 0)
		return err_prefix(e, "%s", node);
	if (!getsockopt(c->fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		c->pid = peer.pid;
	return 0;
}

int client_open(struct client *c, const char *lab, const char *node, struct err *e)
{
	own(fd) int lab_fd = -1;

	*c = (struct client)CLIENT_INIT;
	if (name_check("node", node, e))
		return -1;
	if (pool_take(lab, node, c))
		return 0;
	lab_fd = rundir_open_lab(lab, false, e);
	if (lab_fd < 0 && e->kind != ERR_ABSENT)
		return -1;
	return connect_to(c, lab, lab_fd, node, e);
}

int client_open_in(struct client *c, const char *lab, int lab_fd, const char *node, struct err *e)
{
	*c = (struct client)CLIENT_INIT;
	if (name_check("node", node, e))
		return -1;
	return pool_take(lab, node, c) ? 0 : connect_to(c, lab, lab_fd, node, e);
}

void client_close(struct client *c)
{
	if (pool_give(c)) {
		*c = (struct client)CLIENT_INIT;
		return;
	}
	if (c->fd >= 0)
		close(c->fd);
	free(c->later);
	buf_free(&c->in);
	buf_free(&c->out);
	*c = (struct client)CLIENT_INIT;
}

void client_put_b(struct client *c, const char *text)
{
	wire_put_b(&c->out, text, strlen(text));
}

void client_end(struct client *c)
{
	c->open_replies++;
	buf_addc(&c->out, '\n');
}

static int lost(struct err *e, int errnum)
{
	if (errnum && errnum != ECONNRESET && errnum != EPIPE)
		return err_set(e, ERR_PEER, errnum, errnum == EAGAIN ? "the server does not answer"
								     : "the server is gone");
	return err_set(e, ERR_PEER, 0, "the server closed the connection");
}

/* Such a signal has come, and for a moment yet no answer, by which it would be for the program, nor room for more. */
static bool given_up(const struct client *c, short events)
{
	struct pollfd p = { .fd = c->fd, .events = events };

	while (!poll(&p, 1, LOOK_MS))
		if (signals_end_pending())
			return !poll(&p, 1, GRACE_MS);
	return false;
}

void client_limit(struct client *c, int64_t ms)
{
	struct timeval limit = {0}; /* for ever */

	if (ms >= 0)
		limit = (struct timeval){ .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 + 1 };
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
}

/* Takes in what there is. MSG_DONTWAIT or 0. 0: something came. */
static int take_in(struct client *c, int flags, struct err *e)
{
	static char block[16384];
	ssize_t n;

	buf_consume(&c->in, c->taken);
	c->taken = 0;
	if (c->impatient && !flags && given_up(c, POLLIN))
		return lost(e, EINTR);
	do
		n = recv(c->fd, block, sizeof(block), flags);
	while (n < 0 && errno == EINTR);
	if (n == 0 && c->in.len)
		return err_set(e, ERR_PEER, 0,
			       "the server closed the connection in the middle of a reply");
	if (n <= 0)
		return lost(e, n < 0 ? errno : 0);
	buf_add(&c->in, block, (size_t)n);
	if (c->in.failed || c->in.len > REPLY_MAX)
		return err_set(e, ERR_PEER, 0, "the server's reply is too long");
	return 0;
}

/* Sends what was put. While the server does not take more its replies are read, so that
 * neither waits for the other. */
static int push(struct client *c, struct err *e)
{
	size_t sent = 0;

	if (c->out.failed)
		return err_nomem(e);
	while (sent < c->out.len) {
		struct pollfd p = { .fd = c->fd, .events = POLLIN | POLLOUT };
		ssize_t n = send(c->fd, c->out.data + sent, c->out.len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n >= 0)
			sent += (size_t)n;
		else if (errno == EPIPE || errno == ECONNRESET)
			break; /* what it said before it went is still to be read */
		else if (errno != EAGAIN && errno != EINTR)
			return lost(e, errno);
		if (n >= 0 || errno == EINTR)
			continue;
		if (c->impatient && given_up(c, p.events))
			return lost(e, EINTR);
		if (poll(&p, 1, -1) < 0)
			continue;
		if (p.revents & POLLIN && take_in(c, MSG_DONTWAIT, e))
			return -1;
	}
	buf_consume(&c->out, c->out.len);
	return 0;
}

int client_flush(struct client *c, struct err *e)
{
	return push(c, e);
}

/* One line, NUL-terminated in place; valid until the next call. */
static char *get_line(struct client *c, size_t *len, struct err *e)
{
	size_t scanned = 0;

	for (;;) {
		char *start = c->in.data + c->taken;
		size_t have = c->in.len - c->taken;
		char *end = have > scanned ? memchr(start + scanned, '\n', have - scanned) : NULL;

		if (end) {
			*end = '\0';
			*len = (size_t)(end - start);
			c->taken += *len + 1;
			return start;
		}
		scanned = have;
		if (take_in(c, 0, e))
			return NULL;
	}
}

/* *text is its last line's text. */
static int read_one(struct client *c, int *code, const char **text, size_t *text_len, struct err *e)
{
	bool last = false;

	while (!last) {
		size_t len;
		char *line = get_line(c, &len, e);

		if (!line)
			return -1;
		if (!wire_reply_line(line, len, code, &last, text, text_len)) {
			err_set(e, ERR_PEER, 0, "not a reply of a node's server: %.60s", line);
			err_printable(e->text);
			return -1;
		}
	}
	return 0;
}

/* Sends what was put and, the first time, reads the greeting, for which it need not wait. */
static int push_and_greet(struct client *c, struct err *e)
{
	const char *text;
	size_t len;
	int code;

	if (push(c, e))
		return -1;
	if (c->greeted)
		return 0;
	if (read_one(c, &code, &text, &len, e))
		return -1;
	if (code != 220)
		return err_set(e, ERR_PEER, 0, "the server greets with %d", code);
	c->greeted = true;
	return 0;
}

static int read_reply(struct client *c, int *code, const char **text, size_t *text_len,
		      struct err *e)
{
	if (client_catch_up(c, e) || read_one(c, code, text, text_len, e)) {
		c->spoiled = true;
		return -1;
	}
	c->open_replies--;
	return 0;
}

static const struct value *unpack(const char *text, size_t len, struct value_pool *pool,
				  struct err *e)
{
	own(buf) struct buf bytes = {0};

	/* The reference sends base64 with its "=" in front, as for any such argument. */
	if (len && *text == '=') {
		text++;
		len--;
	}
	if (base64_decode(&bytes, text, len)) {
		err_set(e, ERR_PEER, 0, "the server's data is not base64");
		return NULL;
	}
	return pickle_read(pool, bytes.data, bytes.len, e);
}

static int raise_told(const char *text, size_t len, struct err *e)
{
	own(value_pool) struct value_pool pool = {0};
	const struct value *v = unpack(text, len, &pool, e);

	return v ? object_to_err(v, e) : -1;
}

static int failure(int code, const char *text, size_t len, struct err *e)
{
	if (code == 550)
		return raise_told(text, len, e);
	err_set(e, ERR_REFUSED, 0, "refused by the server: %.*s", len > 300 ? 300 : (int)len, text);
	err_printable(e->text);
	return -1;
}

/* Of what was read: is it a success? */
static int judge(int code, const char *text, size_t len, struct err *e)
{
	if (code >= 500)
		return failure(code, text, len, e);
	return code / 100 == 2 ? 0 : err_set(e, ERR_PEER, 0, "the server answers with %d", code);
}

static int catch_up(struct client *c, struct err *e)
{
	const char *text;
	size_t len;
	int code;

	if (push_and_greet(c, e))
		return -1;
	for (size_t i = 0; i < c->later_count; i++) {
		struct err of = ERR_INIT;

		if (read_one(c, &code, &text, &len, e)) {
			c->later[0] = c->later[i];
			return -1;
		}
		c->open_replies--;
		if (judge(code, text, len, &of))
			pool_failed(c, &c->later[i], &of);
	}
	c->later_count = 0;
	return 0;
}

/* The errors of earlier commands are theirs; this one fails only if the connection does. */
int client_catch_up(struct client *c, struct err *e)
{
	if (c->fd < 0 || !catch_up(c, e))
		return 0;
	if (c->later_count) { /* it is the fate of all; one is told */
		struct err of = *e;

		pool_failed(c, &c->later[0], &of);
	}
	c->later_count = 0;
	c->spoiled = true;
	return -1;
}

int client_later(struct client *c, const char *node, struct err *e)
{
	struct origin *more;

	if (!c->kept)
		return client_done(c, e) ? err_prefix(e, "%s", node) : 0;
	more = reallocarray(c->later, c->later_count + 1, sizeof(*more));
	if (!more)
		return err_nomem(e);
	c->later = more;
	c->later[c->later_count++] = pool_now();
	if (c->out.len < FULL)
		return 0;
	return push(c, e) ? err_prefix(e, "%s", node) : 0;
}

int client_reply(struct client *c, int *code, char *text, size_t size, struct err *e)
{
	const char *t;
	size_t len;

	if (read_reply(c, code, &t, &len, e))
		return -1;
	if (*code >= 500)
		return failure(*code, t, len, e);
	snprintf(text, size, "%.*s", (int)len, t);
	err_printable(text);
	return 0;
}

/* A success; its text stays in text. */
static int succeeded(struct client *c, char *text, size_t size, struct err *e)
{
	int code;

	if (client_reply(c, &code, text, size, e))
		return -1;
	return code / 100 == 2 ? 0 : err_set(e, ERR_PEER, 0, "the server answers with %d", code);
}

int client_numbers(struct client *c, int *numbers, size_t n, struct err *e)
{
	char text[64], *at = text, *word;
	int64_t number;

	if (succeeded(c, text, sizeof(text), e))
		return -1;
	for (; n; n--) {
		word = wire_word(&at);
		if (!word || !num_parse(word, INT32_MIN, INT32_MAX, &number))
			return err_set(e, ERR_PEER, 0, "the server answers without a number that was asked for");
		*numbers++ = (int)number;
	}
	return 0;
}

int client_number(struct client *c, int *number, struct err *e)
{
	return client_numbers(c, number, 1, e);
}

int client_done(struct client *c, struct err *e)
{
	char ignored[8];

	return succeeded(c, ignored, sizeof(ignored), e);
}

const struct value *client_data(struct client *c, struct value_pool *pool, struct err *e)
{
	const char *text;
	size_t len;
	int code;

	if (read_reply(c, &code, &text, &len, e))
		return NULL;
	if (code != 200) {
		failure(code, text, len, e);
		return NULL;
	}
	return unpack(text, len, pool, e);
}

void client_ahead(struct client *c, const char *const *commands)
{
	const size_t room = sizeof(c->ahead) / sizeof(*c->ahead);
	struct err ignored;

	if (c->fd < 0)
		return;
	for (; *commands && c->ahead_count < room; commands++) {
		client_say(c, "%s", *commands);
		c->ahead[c->ahead_count++] = *commands;
	}
	if (push(c, &ignored))
		c->spoiled = true; /* reading will say why */
}

const struct value *client_ask(struct client *c, const char *command, struct value_pool *pool,
			       struct err *e)
{
	if (c->ahead_count && !strcmp(c->ahead[0], command)) {
		memmove(c->ahead, c->ahead + 1, --c->ahead_count * sizeof(*c->ahead));
		return client_data(c, pool, e);
	}
	/* Something else is wanted now: those answers are dropped. */
	for (; c->ahead_count; c->ahead_count--) {
		const char *text;
		size_t len;
		int code;

		if (read_reply(c, &code, &text, &len, e))
			return NULL;
	}
	client_say(c, "%s", command);
	return client_data(c, pool, e);
}

int client_check_pid(const struct client *c, struct err *e)
{
	return c->pid > 0 ? 0 : err_set(e, ERR_OS, ESRCH, "its server cannot be seen from this PID namespace");
}

size_t client_many(size_t n)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur >= n + OTHERS)
		return n;
	limit.rlim_cur = n + OTHERS < limit.rlim_max ? n + OTHERS : limit.rlim_max;
	return setrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur <= OTHERS ? 0 : (size_t)limit.rlim_cur - OTHERS;
}

int client_send_fds(struct client *c, const char *name, const int *fds, size_t n, const char *behind,
		    struct err *e)
{
	char text[8], message[64];
	int code, len;

	if (client_reply(c, &code, text, sizeof(text), e))
		return -1;
	if (code != 354)
		return err_set(e, ERR_PEER, 0, "the server answers with %d", code);
	c->open_replies += behind ? 2 : 1;
	len = behind ? snprintf(message, sizeof(message), "%s\n%s\n", name, behind)
		     : snprintf(message, sizeof(message), "%s", name);
	return passfd_send(c->fd, message, (size_t)len, fds, n, 0) ? lost(e, errno) : 0;
}

int client_receive(struct client *c, struct err *e)
{
	own(fd) int fd = -1;
	char byte, text[8];
	size_t count;
	int code;

	/* A server that refuses sends no byte. */
	if (client_catch_up(c, e))
		return -1;
	if (recv(c->fd, &byte, 1, MSG_PEEK) != 1)
		return lost(e, 0);
	if (byte == '1' && passfd_recv(c->fd, &byte, 1, 0, &fd, 1, &count) != 1)
		return lost(e, 0);
	if (client_reply(c, &code, text, sizeof(text), e))
		return -1;
	if (fd < 0)
		return err_set(e, ERR_PEER, 0, "the server sent no descriptor");
	return steal_fd(&fd);
}

int client_poll(struct client *c, int other, int ms)
{
	struct pollfd p[2] = { { .fd = c->fd, .events = POLLIN }, { .fd = other, .events = POLLIN } };
	struct err ignored;

	if (client_catch_up(c, &ignored) || c->in.len > c->taken)
		return 1;
	while (poll(p, 2, ms) < 0)
		if (errno != EINTR)
			return 1;
	return p[1].revents ? 2 : p[0].revents ? 1 : 0;
}
