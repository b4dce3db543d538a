/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The forwarder: see forward.h. Two descriptors a connection, one epoll; what one side does not
 * take yet is kept, and nothing more is read from the other until it is gone. The first bytes of a
 * connection are the X protocol's (section 8 of its description): they name the cookie.
 */
#include "lab/forward.h"

#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/cleanup.h"
#include "lab/apart.h"

#define SCRATCH 65536
#define RETRY_MS 20	   /* while a display has no room for a connection, or nothing is accepted */
#define SETUP 12	   /* bytes before the cookie */
#define SETUP_MAX (SETUP + 64 + DISPLAY_COOKIE_MAX)
#define PROGRAM 0 /* the sides of a connection: in the node, */
#define DISPLAY 1 /* and here */

/* What goes from one side to the other. */
struct flow {
	char *kept; /* what the other side has not taken; NULL: nothing */
	size_t start, len;
	bool ended; /* nothing more comes */
	bool shut;  /* the other side has been told so */
};

struct pair {
	struct forwarder *f;
	struct pair *next, *prev;
	struct end {
		struct pair *pair;
		int fd;		 /* -1: not yet connected */
		uint32_t events; /* what epoll waits for; 0: it does not know of it */
	} ends[2];
	struct flow flows[2]; /* flows[side]: what comes from that side */
	struct buf setup;     /* the program's first bytes, until they are all there */
	bool big;	      /* its byte order */
	bool admitted;	      /* its cookie was right */
	bool waiting;	      /* for room at the display */
	bool reached;	      /* the display has taken something */
	bool dead;
};

struct forwarder {
	int epoll, listener, node, display;
	const struct display *to;
	unsigned char key[FORWARD_KEY];
	struct pair *pairs, *graves;
	size_t waiting;
	bool paused; /* nothing is accepted */
	char scratch[SCRATCH];
};

/* ------------------------------------------------------------------ one pair */

static void watch(struct end *end, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.ptr = end };
	int op = !events ? EPOLL_CTL_DEL : end->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD;

	if (end->fd < 0 || events == end->events)
		return;
	if (epoll_ctl(end->pair->f->epoll, op, end->fd, &ev))
		end->pair->dead = true;
	end->events = events;
}

/* Both sides want what their flows allow. With nothing to want, epoll is not asked at all, as it
 * would tell of a hang-up again and again. */
static void watch_pair(struct pair *p)
{
	for (int side = 0; side < 2; side++) {
		const struct flow *from = &p->flows[side], *to = &p->flows[1 - side];
		bool read = !from->ended && !from->kept && (side == PROGRAM || p->admitted);

		watch(&p->ends[side], (read ? EPOLLIN : 0u) | (to->kept ? EPOLLOUT : 0u));
	}
}

/* It may still be named by an event of this round: freed after that. */
static void bury(struct pair *p)
{
	struct forwarder *f = p->f;

	*(p->prev ? &p->prev->next : &f->pairs) = p->next;
	if (p->next)
		p->next->prev = p->prev;
	f->waiting -= p->waiting;
	for (int side = 0; side < 2; side++) {
		drop_fd(&p->ends[side].fd);
		free(p->flows[side].kept);
	}
	explicit_bzero(p->setup.data, p->setup.len);
	buf_free(&p->setup);
	p->dead = true;
	p->next = f->graves;
	f->graves = p;
}

static bool keep(struct flow *flow, const char *data, size_t len)
{
	flow->kept = malloc(len);
	if (!flow->kept)
		return false;
	memcpy(flow->kept, data, len);
	flow->start = 0;
	flow->len = len;
	return true;
}

/* Sends; what is not taken is kept. */
static void pass(struct pair *p, int side, const char *data, size_t len)
{
	int fd = p->ends[1 - side].fd;
	ssize_t n = fd < 0 ? 0 : send(fd, data, len, MSG_NOSIGNAL | MSG_DONTWAIT);

	/* ENOTCONN: a connection that is still under way. */
	if (n < 0 && (errno == EAGAIN || errno == EINTR || errno == ENOTCONN))
		n = 0;
	if (n < 0 || ((size_t)n < len && !keep(&p->flows[side], data + n, len - (size_t)n)))
		p->dead = true;
}

static void give_up(struct pair *p);

static void pass_kept(struct pair *p, int side)
{
	struct flow *flow = &p->flows[side];
	ssize_t n;

	if (!flow->kept || p->ends[1 - side].fd < 0)
		return;
	n = send(p->ends[1 - side].fd, flow->kept + flow->start, flow->len,
		 MSG_NOSIGNAL | MSG_DONTWAIT);
	if (n < 0 && errno != EAGAIN && errno != EINTR && errno != ENOTCONN) {
		if (side == PROGRAM && !p->reached)
			give_up(p);
		else
			p->dead = true;
	}
	if (n <= 0)
		return;
	p->reached |= side == PROGRAM;
	flow->start += (size_t)n;
	flow->len -= (size_t)n;
	if (!flow->len) {
		explicit_bzero(flow->kept, flow->start < SETUP_MAX ? flow->start : 0);
		free(flow->kept);
		flow->kept = NULL;
	}
}

/* A half-close is passed on when all before it has been. */
static void pass_end(struct pair *p, int side)
{
	struct flow *flow = &p->flows[side];

	if (!flow->ended || flow->kept || flow->shut || p->ends[1 - side].fd < 0)
		return;
	shutdown(p->ends[1 - side].fd, SHUT_WR);
	flow->shut = true;
	if (p->flows[1 - side].shut)
		p->dead = true;
}

/* ------------------------------------------------------------------ the cookie */

static size_t padded(size_t n)
{
	return (n + 3) & ~(size_t)3;
}

static size_t get16(const struct pair *p, size_t at)
{
	const unsigned char *d = (const unsigned char *)p->setup.data + at;

	return p->big ? (size_t)(d[0] << 8 | d[1]) : (size_t)(d[1] << 8 | d[0]);
}

static void put16(const struct pair *p, struct buf *b, size_t n)
{
	buf_addc(b, (char)(p->big ? n >> 8 : n));
	buf_addc(b, (char)(p->big ? n : n >> 8));
}

static void put_padded(struct buf *b, const void *data, size_t len)
{
	buf_add(b, data, len);
	buf_add(b, "\0\0", padded(len) - len);
}

/* As an X server refuses; then nothing more is read from the program. */
static void refuse(struct pair *p, const char *why)
{
	own(buf) struct buf b = {0};

	buf_addc(&b, 0);
	buf_addc(&b, (char)strlen(why));
	put16(p, &b, 11);
	put16(p, &b, 0);
	put16(p, &b, padded(strlen(why)) / 4);
	put_padded(&b, why, strlen(why));
	if (!b.failed)
		pass(p, DISPLAY, b.data, b.len);
	p->flows[DISPLAY].ended = true;
	p->flows[PROGRAM].ended = p->flows[PROGRAM].shut = true;
}

/* All bytes are looked at, whichever is the first to differ. */
static bool right_cookie(const struct pair *p, size_t name_len, size_t key_len)
{
	const char *name = p->setup.data + SETUP, *key = name + padded(name_len);
	unsigned char wrong = 0;

	if (name_len != strlen(FORWARD_PROTO) || key_len != FORWARD_KEY ||
	    memcmp(name, FORWARD_PROTO, name_len))
		return false;
	for (size_t i = 0; i < FORWARD_KEY; i++)
		wrong |= (unsigned char)((unsigned char)key[i] ^ p->f->key[i]);
	return !wrong;
}

/* The display cannot be reached: the program is told, and nobody is left to get what it has said. */
static void give_up(struct pair *p)
{
	watch(&p->ends[DISPLAY], 0);
	drop_fd(&p->ends[DISPLAY].fd);
	free(p->flows[PROGRAM].kept);
	p->flows[PROGRAM].kept = NULL;
	refuse(p, "nemu: the display cannot be reached");
}

static void connect_display(struct pair *p)
{
	int fd = display_connect(p->f->to);
	bool full = fd < 0 && errno == EAGAIN;

	p->f->waiting += (size_t)full - (size_t)p->waiting;
	p->waiting = full;
	if (full)
		return;
	p->ends[DISPLAY].fd = fd;
	if (fd < 0)
		give_up(p);
}

/* The same words with the display's own cookie, and what came behind them. */
static void admit(struct pair *p, size_t used)
{
	const struct display *d = p->f->to;
	own(buf) struct buf b = {0};

	buf_add(&b, p->setup.data, 6);
	put16(p, &b, strlen(d->proto));
	put16(p, &b, d->key_len);
	buf_add(&b, "\0\0", 2);
	put_padded(&b, d->proto, strlen(d->proto));
	put_padded(&b, d->key, d->key_len);
	buf_add(&b, p->setup.data + used, p->setup.len - used);
	p->admitted = true;
	if (b.failed || !keep(&p->flows[PROGRAM], b.data, b.len)) {
		p->dead = true;
		return;
	}
	connect_display(p);
	pass_kept(p, PROGRAM);
	explicit_bzero(b.data, b.len);
}

/* Once all of it is there, the cookie is looked at. */
static void read_setup(struct pair *p, const char *data, size_t len)
{
	size_t name_len, key_len, used;

	buf_add(&p->setup, data, len);
	if (p->setup.failed || (p->setup.data[0] != 'B' && p->setup.data[0] != 'l')) {
		p->dead = true;
		return;
	}
	p->big = p->setup.data[0] == 'B';
	if (p->setup.len < SETUP)
		return;
	name_len = get16(p, 6);
	key_len = get16(p, 8);
	used = SETUP + padded(name_len) + padded(key_len);
	if (used <= SETUP_MAX && p->setup.len < used)
		return;
	if (used > SETUP_MAX || !right_cookie(p, name_len, key_len))
		refuse(p, "nemu: wrong cookie");
	else
		admit(p, used);
	explicit_bzero(p->setup.data, p->setup.len);
	buf_free(&p->setup);
}

/* ------------------------------------------------------------------ events */

static void read_side(struct pair *p, int side)
{
	struct forwarder *f = p->f;
	struct flow *flow = &p->flows[side];
	bool setup = side == PROGRAM && !p->admitted;
	ssize_t n;

	if (flow->ended || flow->kept || p->ends[side].fd < 0)
		return;
	n = recv(p->ends[side].fd, f->scratch, setup ? SETUP_MAX - p->setup.len : SCRATCH, MSG_DONTWAIT);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n < 0 || (!n && setup)) {
		p->dead = true;
		return;
	}
	if (!n)
		flow->ended = true;
	else if (setup)
		read_setup(p, f->scratch, (size_t)n);
	else
		pass(p, side, f->scratch, (size_t)n);
}

static void settle(struct pair *p)
{
	for (int side = 0; side < 2 && !p->dead; side++)
		pass_end(p, side);
	if (!p->dead)
		watch_pair(p);
	if (p->dead)
		bury(p);
}

static void on_end(struct end *end, uint32_t events)
{
	struct pair *p = end->pair;
	int side = end == &p->ends[DISPLAY] ? DISPLAY : PROGRAM;

	if (p->dead)
		return;
	if (events & (EPOLLOUT | EPOLLERR | EPOLLHUP))
		pass_kept(p, 1 - side);
	if (!p->dead && events & (EPOLLIN | EPOLLERR | EPOLLHUP))
		read_side(p, side);
	settle(p);
}

static void pause_accepting(struct forwarder *f, bool paused)
{
	struct epoll_event ev = { .events = paused ? 0 : EPOLLIN, .data.ptr = &f->listener };

	if (f->paused != paused && f->listener >= 0)
		epoll_ctl(f->epoll, EPOLL_CTL_MOD, f->listener, &ev);
	f->paused = paused;
}

static void on_program(struct forwarder *f)
{
	int fd = accept4(f->listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
	struct pair *p = fd < 0 ? NULL : calloc(1, sizeof(*p));

	if (!p) { /* who waits would be told of again at once */
		pause_accepting(f, true);
		drop_fd(&fd);
		return;
	}
	p->f = f;
	p->ends[PROGRAM] = (struct end){ .pair = p, .fd = fd };
	p->ends[DISPLAY] = (struct end){ .pair = p, .fd = -1 };
	p->next = f->pairs;
	if (p->next)
		p->next->prev = p;
	f->pairs = p;
	settle(p);
}

/* The server's answer to KEEP, or its end. false: nothing more is to be done. */
static bool on_node(struct forwarder *f)
{
	char text[256];
	ssize_t n = recv(f->node, text, sizeof(text) - 1, MSG_DONTWAIT);

	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return true;
	if (n <= 0)
		return false;
	text[n] = '\0';
	if (!strncmp(text, "500", 3))
		return true; /* it does not know KEEP: then its end says all */
	if (!strstr(text, "Replaced"))
		return false;
	/* What is connected stays so; whatever comes next is the other's. */
	if (f->listener >= 0)
		epoll_ctl(f->epoll, EPOLL_CTL_DEL, f->listener, NULL);
	drop_fd(&f->listener);
	return true;
}

static bool add(struct forwarder *f, int *fd)
{
	struct epoll_event ev = { .events = EPOLLIN, .data.ptr = fd };

	return *fd < 0 || !epoll_ctl(f->epoll, EPOLL_CTL_ADD, *fd, &ev);
}

static void retry_waiting(struct forwarder *f)
{
	for (struct pair *p = f->pairs, *next; p && f->waiting; p = next) {
		next = p->next;
		if (!p->waiting)
			continue;
		connect_display(p);
		pass_kept(p, PROGRAM);
		settle(p);
	}
}

static void run(struct forwarder *f)
{
	struct epoll_event events[64];

	if (f->epoll < 0 || !add(f, &f->listener) || !add(f, &f->node) || !add(f, &f->display))
		return;
	while (f->listener >= 0 || f->pairs) {
		bool paused = f->paused;
		int n = epoll_wait(f->epoll, events, 64, f->waiting || paused ? RETRY_MS : -1);

		for (int i = 0; i < n; i++) {
			void *what = events[i].data.ptr;

			if (what == &f->display || (what == &f->node && !on_node(f)))
				return;
			if (what == &f->listener && f->listener >= 0)
				on_program(f);
			else if (what != &f->listener && what != &f->node)
				on_end(what, events[i].events);
		}
		if (f->waiting)
			retry_waiting(f);
		if (paused || f->graves)
			pause_accepting(f, false);
		while (f->graves) {
			struct pair *next = f->graves->next;

			free(f->graves);
			f->graves = next;
		}
	}
}

/* ------------------------------------------------------------------ the process */

__attribute__((noreturn)) static void become_forwarder(int node, int listener, const struct display *d,
						       const unsigned char *key)
{
	int fds[] = { listener, node, d->pidfd };
	struct forwarder *f = calloc(1, sizeof(*f));
	struct rlimit files;

	apart_become("nemu-x11", fds, 3);
	if (!f)
		_exit(1);
	if (!getrlimit(RLIMIT_NOFILE, &files)) {
		files.rlim_cur = files.rlim_max;
		setrlimit(RLIMIT_NOFILE, &files);
	}
	f->listener = fds[0];
	f->node = fds[1];
	f->display = fds[2];
	f->to = d;
	memcpy(f->key, key, FORWARD_KEY);
	f->epoll = epoll_create1(EPOLL_CLOEXEC);
	run(f);
	_exit(0);
}

int forward_start(struct client *c, int listener, const struct display *d,
		  const unsigned char key[FORWARD_KEY], struct err *e)
{
	pid_t pid;

	if (fcntl(listener, F_SETFL, O_NONBLOCK) || listen(listener, 128))
		return err_os(e, errno, "listening in the node");
	client_say(c, "X11 KEEP");
	if (client_flush(c, e))
		return -1;
	/* The pending output of the caller's stdio is not written twice: _exit. */
	pid = fork();
	if (pid < 0)
		return err_os(e, errno, "fork");
	if (!pid)
		become_forwarder(c->fd, listener, d, key);
	return 0;
}
