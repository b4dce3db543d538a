/* SPDX-License-Identifier: GPL-2.0-or-later */
/* One client's connection: see session.h. wire.md sections 1, 2 and 4. */
#include "session.h"

#include <errno.h>
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "base/clock.h"
#include "children.h"
#include "names.h"
#include "uplink.h"
#include "wire/base64.h"
#include "wire/line.h"
#include "wire/object.h"
#include "wire/passfd.h"

#define READ_SIZE 16384
#define KEEP_ARGS 1024
#define CROWD 32
#define LARGE (1u << 20)
/* A client's turn, before the others have theirs; with no others, before signals have. */
#define TURN_NS 20000
#define LONG_TURN_NS 1000000
/* Who sends long lines without end would keep the server so busy that the kernel has it wait for its turn
 * as any busy process, and all clients with it. So they are read with rests. */
#define REST_MS 2
#define REST_BYTES (64u << 10) /* of a line that is taken, for each millisecond */

#define COMMAND(...) { __VA_ARGS__ },
const struct command server_commands[] = {
#include "commands.h"
	{ 0 },
};
#undef COMMAND

const char *const stdio_names[STDIO_KINDS] = { "PROC SIN", "PROC SOUT", "PROC SERR", "PROC RFD",
					       "PROC STD", "LINK IMPT" };

void session_reply(struct session *s, int code, const char *text)
{
	wire_put_reply(&s->out, code, text);
}

void session_replyf(struct session *s, int code, const char *fmt, ...)
{
	char text[1024];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	err_printable(text);
	wire_put_reply(&s->out, code, text);
}

static void reply_pickle(struct session *s, int code, const char *comment, const struct buf *pickle)
{
	if (pickle->failed) {
		s->out.failed = true;
		return;
	}
	buf_addf(&s->out, "%d-# %s\n%d =", code, comment, code);
	base64_encode(&s->out, pickle->data, pickle->len);
	buf_addc(&s->out, '\n');
}

void session_reply_data(struct session *s, const char *comment, const struct buf *pickle)
{
	reply_pickle(s, 200, comment, pickle);
}

void session_reply_error(struct session *s, const struct err *e)
{
	own(buf) struct buf pickle = {0};

	if (e->kind == ERR_USAGE || e->kind == ERR_REFUSED) {
		session_replyf(s, 500, "%s", e->text);
		return;
	}
	object_exception(&pickle, e);
	reply_pickle(s, 550, "Exception data follows:", &pickle);
}

static void close_got(struct session *s)
{
	for (size_t i = 0; i < s->got_count && i < 3; i++)
		close(s->got_fds[i]);
	s->got_count = 0;
}

/* After a crowd or a long line: libc would keep what lies below anything that stays. */
static void give_memory_back(struct server *srv, bool large)
{
	bool crowd = srv->session_peak >= CROWD && srv->session_count <= srv->session_peak / 4;

	if (!crowd && !large)
		return;
	srv->session_peak = srv->session_count;
	malloc_trim(0);
}

static void session_free(struct session *s)
{
	struct server *srv = s->server;

	children_session_gone(srv, s);
	x11_session_gone(srv, s);
	uplink_session_gone(srv, s);
	loop_del(srv->loop, s->id);
	if (!s->owner) /* else the caller may have it, too */
		shutdown(s->fd, SHUT_RDWR); /* a program that is being started may have a copy */
	close(s->fd);
	close_got(s);
	plan_free(s->plan);
	free(s->wait.pids);
	buf_free(&s->in);
	buf_free(&s->out);
	args_free(&s->args);
	if (s->prev)
		s->prev->next = s->next;
	else
		srv->sessions = s->next;
	if (s->next)
		s->next->prev = s->prev;
	srv->session_count--;
	give_memory_back(srv, s->large);
	if (s->owner)
		server_end(srv);
	if (srv->listen_fd >= 0 && !srv->ending) /* it may rest for want of descriptors */
		loop_set(srv->loop, srv->listen_id, EPOLLIN);
	free(s);
}

/* Sends what is owed as far as the client takes it. */
static void flush(struct session *s)
{
	size_t sent = 0;

	if (s->out.len)
		names_write(s->server);
	if (s->out.failed)
		s->broken = true; /* out of memory in the middle of a reply */
	while (sent < s->out.len && !s->broken) {
		ssize_t n = send(s->fd, s->out.data + sent, s->out.len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno != EAGAIN)
			s->broken = true;
		if (n < 0)
			break;
		sent += (size_t)n;
	}
	buf_consume(&s->out, sent);
}

int session_before_fd(struct session *s, struct err *e)
{
	flush(s);
	if (!s->out.len)
		return 0;
	err_set(e, ERR_REFUSED, 0, "Read the replies first.");
	return -1;
}

bool session_send_fd(struct session *s, int fd, const char *text)
{
	bool sent = !passfd_send(s->fd, "1", 1, &fd, 1, MSG_DONTWAIT);

	if (!sent)
		buf_addc(&s->out, '1'); /* the client waits for it, whatever comes then */
	session_reply(s, sent ? 200 : 500, sent ? text : "The descriptor could not be sent.");
	return sent;
}

/* All of type b end as texts, for system calls or to be compared, and would be cut off there. */
static int check_texts(const struct args *args, struct err *e)
{
	for (size_t i = 0; i < args->n; i++)
		if (strlen(args->v[i].s) != args->v[i].len)
			return err_set(e, ERR_VALUE, 0, "%.60s: NUL byte in an argument", args->v[i].s);
	return 0;
}

static void take_line(struct session *s, char *line, size_t len)
{
	const struct command *c;
	struct err e = ERR_INIT;

	if (len > WIRE_LINE_MAX || memchr(line, '\0', len)) {
		session_reply(s, 500, len > WIRE_LINE_MAX ? "Line too long." : "NUL byte in line.");
		return;
	}
	line[len] = '\0';
	c = command_parse(server_commands, s->plan ? MODE_PROC : MODE_NORMAL, line, &s->args, &e);
	if (!c || check_texts(&s->args, &e)) {
		if (e.kind)
			session_reply_error(s, &e);
		return;
	}
	switch ((enum answer)c->run(s, c, &e)) {
	case NOW:
		break;
	case LATER:
		s->parked = true;
		break;
	case WANT_FD:
		s->payload_len = 0;
		s->got_count = 0;
		session_replyf(s, 354, "Pass the descriptor now, with `%s' as payload.",
			       stdio_names[s->want]);
		break;
	case FAILED:
		session_reply_error(s, &e);
	}
	if (s->args.cap > KEEP_ARGS || s->args.bytes.cap > READ_SIZE)
		args_free(&s->args); /* after a line of millions of words */
}

/* Of a line that is too long: says so once, and drops it up to its end. */
static void drop_part(struct session *s)
{
	if (!s->skipping)
		session_reply(s, 500, "Line too long.");
	s->skipping = true;
	s->rest_ms = REST_MS;
	s->taken = s->in.len;
	s->scanned = 0;
}

/* Takes one line out of in; at the end of the stream an unfinished one counts, too. */
static bool next_line(struct session *s)
{
	size_t len = s->in.len - s->taken;
	char *start, *end;

	if (!len)
		return false;
	start = s->in.data + s->taken;
	end = memchr(start + s->scanned, '\n', len - s->scanned);
	if (!end && !s->eof) {
		s->scanned = len;
		if (len > WIRE_LINE_MAX || s->skipping)
			drop_part(s);
		return false;
	}
	if (end) {
		len = (size_t)(end - start);
	} else if (!buf_room(&s->in, 1)) { /* for take_line's NUL */
		s->broken = true;
		return false;
	}
	start = s->in.data + s->taken;
	s->taken += len + (end ? 1 : 0);
	s->scanned = 0;
	if (s->skipping)
		s->skipping = false;
	else
		take_line(s, start, len);
	s->rest_ms = (int)(len / REST_BYTES);
	return true;
}

/* Reads once. false: nothing there for now, or nothing more. *more: there may be more. */
static bool fill(struct session *s, bool *more)
{
	static char room[READ_SIZE]; /* for all: a client that says nothing costs nothing */
	ssize_t n;

	buf_consume(&s->in, s->taken);
	s->taken = 0;
	do
		n = recv(s->fd, room, READ_SIZE, MSG_DONTWAIT);
	while (n < 0 && errno == EINTR);
	*more = n == READ_SIZE;
	if (n < 0 && errno == EAGAIN)
		return false;
	if (n <= 0) {
		s->eof = true;
		s->broken |= n < 0;
		return n == 0 && s->in.len > 0;
	}
	buf_add(&s->in, room, (size_t)n);
	s->broken |= s->in.failed;
	s->large |= s->in.cap >= LARGE;
	return true;
}

/*
 * The descriptor's message (wire.md section 4). Bytes are counted, not lines: the payload is the
 * command's name, perhaps with a newline; or filler of name + 1 bytes. It may come in pieces.
 */
static void judge_payload(struct session *s)
{
	const char *name = stdio_names[s->want];
	size_t len = strlen(name), got = s->payload_len;
	bool is_name = got <= len ? !memcmp(s->payload, name, got)
				  : !memcmp(s->payload, name, len) && s->payload[len] == '\n';
	bool filler = got <= len;
	size_t expected = s->want == STDIO_ALL ? 3 : 1;
	int which = s->want;

	for (size_t i = 0; i < got && filler; i++)
		filler = s->payload[i] == '=';
	if ((is_name && got < len) || filler)
		return; /* more may come */
	s->want = -1;
	if (is_name && got >= len && s->got_count == expected) {
		s->got_count = 0;
		if (which == STDIO_NETNS)
			srv_link_take_ns(s, s->got_fds[0]);
		else
			srv_proc_take_fds(s, which, s->got_fds);
		return;
	}
	if (!is_name || got < len)
		session_reply(s, 500, "Invalid payload.");
	else
		session_replyf(s, 500, "Expected %zu descriptor(s), not %zu.", expected,
			       s->got_count);
	close_got(s);
}

static void take_descriptor(struct session *s)
{
	size_t max = strlen(stdio_names[s->want]) + 1, count;
	size_t have = s->got_count < 3 ? s->got_count : 3;
	ssize_t n;

	n = passfd_recv(s->fd, s->payload + s->payload_len, max - s->payload_len, MSG_DONTWAIT,
			s->got_fds + have, 3 - have, &count);
	if (n < 0 && errno == EAGAIN)
		return;
	if (n >= 0)
		s->got_count += count;
	if (n <= 0) {
		s->eof = true;
		s->broken = true;
		return;
	}
	s->payload_len += (size_t)n;
	judge_payload(s);
}

/* After 354, what is in the buffer already was sent too early: it is the wrong payload. */
static void take_early_payload(struct session *s)
{
	size_t len = s->in.len - s->taken, max = strlen(stdio_names[s->want]) + 1;

	if (!len)
		return;
	s->want = -1;
	s->taken += len < max ? len : max;
	s->scanned = 0;
	session_reply(s, 500, "Invalid payload: it came before it was asked for.");
}

static void run_lines(struct session *s)
{
	bool alone = s->server->session_count == 1;
	int64_t end = now_ns() + (alone || s->skipping ? LONG_TURN_NS : TURN_NS);
	bool more = true;

	s->rest_ms = 0;
	do {
		if (s->broken || s->parked || s->closing || s->want >= 0 || s->out.failed ||
		    s->out.len > READ_SIZE)
			return;
		if (next_line(s)) {
			if (s->want >= 0)
				take_early_payload(s);
			continue;
		}
		if (s->eof || !more || !fill(s, &more))
			return;
	} while (now_ns() < end);
}

static bool has_line(const struct session *s)
{
	size_t len = s->in.len - s->taken;

	return len && (s->eof || memchr(s->in.data + s->taken + s->scanned, '\n', len - s->scanned));
}

static void session_run(void *obj, uint32_t events)
{
	struct session *s = obj;
	uint32_t interest = 0;
	bool owed;

	if (events & (EPOLLHUP | EPOLLERR) && (s->parked || s->out.len))
		s->broken = true;
	flush(s);
	owed = s->out.len > 0;
	if (!owed && s->want >= 0 && events & (EPOLLIN | EPOLLHUP))
		take_descriptor(s);
	if (!owed) /* after a descriptor, the command that came with it is answered with it */
		run_lines(s);
	buf_consume(&s->in, s->taken);
	s->taken = 0;
	/* While its program starts, a client has nothing to do: one message wakes it up for all. */
	if (s->parked && s->wait.what == PARK_START && !s->broken) {
		loop_set(s->server->loop, s->id, 0);
		return;
	}
	flush(s);
	if (s->broken || (!s->out.len && !s->parked && (s->closing || (s->eof && !s->in.len)))) {
		session_free(s);
		return;
	}
	if (s->out.len || (!s->parked && s->want < 0 && has_line(s)))
		interest = EPOLLOUT;
	else if (!s->parked && !s->eof)
		interest = EPOLLIN;
	if (s->rest_ms && s->server->session_count > 1)
		loop_rest(s->server->loop, s->id, interest, s->rest_ms);
	else
		loop_set(s->server->loop, s->id, interest);
}

void session_resume(struct session *s)
{
	s->parked = false;
	s->wait.what = PARK_NONE;
	free(s->wait.pids);
	s->wait.pids = NULL;
	flush(s);
	loop_set(s->server->loop, s->id, EPOLLIN | EPOLLOUT);
}

bool session_start(struct server *srv, int fd, bool owner)
{
	struct session *s = calloc(1, sizeof(*s));

	if (s)
		s->id = loop_add(srv->loop, fd, EPOLLIN, session_run, s);
	if (!s || !s->id) {
		free(s);
		close(fd);
		return false;
	}
	s->server = srv;
	s->fd = fd;
	s->owner = owner;
	s->want = -1;
	s->next = srv->sessions;
	if (s->next)
		s->next->prev = s;
	srv->sessions = s;
	srv->session_count++;
	if (srv->session_peak < srv->session_count)
		srv->session_peak = srv->session_count;
	session_reply(s, 220, "Hello.");
	/* Our own clients do not wait for the greeting: their first commands may be there. */
	run_lines(s);
	session_run(s, 0);
	return true;
}

void session_close_all(struct server *srv)
{
	while (srv->sessions) {
		flush(srv->sessions);
		session_free(srv->sessions);
	}
}
