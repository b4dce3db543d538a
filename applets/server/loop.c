/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The event loop: see loop.h. */
#include "loop.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define RETRY_MS 100

struct slot {
	uint32_t generation; /* odd while in use */
	int fd;
	loop_fn *fn;
	void *obj;
	uint32_t wanted; /* events that are to be looked for */
	int64_t at;	 /* from then on, in ms; 0: already */
};

struct loop {
	int epfd;
	bool stop;
	int64_t retry_at; /* the first of the slots' times; -1: there is none */
	struct slot *slots;
	uint32_t count;
	loop_fn *timer_fn;
	void *timer_obj;
	int64_t timer_at; /* ms; -1: none */
};

struct loop *loop_new(struct err *e)
{
	struct loop *l = calloc(1, sizeof(*l));

	if (!l) {
		err_nomem(e);
		return NULL;
	}
	l->timer_at = l->retry_at = -1;
	l->epfd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epfd < 0) {
		err_os(e, errno, "epoll");
		free(l);
		return NULL;
	}
	return l;
}

void loop_free(struct loop *l)
{
	close(l->epfd);
	free(l->slots);
	free(l);
}

static struct slot *find(struct loop *l, loop_id id)
{
	uint32_t i = (uint32_t)id;

	if (i >= l->count || l->slots[i].generation != id >> 32)
		return NULL;
	return &l->slots[i];
}

loop_id loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *obj)
{
	struct epoll_event ev = { .events = events };
	struct slot *slots;
	uint32_t i = 0;

	while (i < l->count && l->slots[i].generation & 1)
		i++;
	if (i == l->count) {
		slots = reallocarray(l->slots, l->count * 2 + 8, sizeof(*slots));
		if (!slots)
			return 0;
		l->slots = slots;
		for (; l->count < i * 2 + 8; l->count++)
			l->slots[l->count] = (struct slot){0};
	}
	ev.data.u64 = (uint64_t)(l->slots[i].generation + 1) << 32 | i;
	if (epoll_ctl(l->epfd, EPOLL_CTL_ADD, fd, &ev))
		return 0;
	l->slots[i].generation++;
	l->slots[i].at = 0;
	l->slots[i].wanted = events;
	l->slots[i].fd = fd;
	l->slots[i].fn = fn;
	l->slots[i].obj = obj;
	return ev.data.u64;
}

static void note_time(struct loop *l, int64_t at)
{
	if (l->retry_at < 0 || at < l->retry_at)
		l->retry_at = at;
}

void loop_set(struct loop *l, loop_id id, uint32_t events)
{
	struct epoll_event ev = { .events = events, .data.u64 = id };
	struct slot *s = find(l, id);

	if (!s || (!s->at && s->wanted == events))
		return;
	s->at = 0;
	s->wanted = events;
	if (!epoll_ctl(l->epfd, EPOLL_CTL_MOD, s->fd, &ev))
		return;
	/* Want of memory passes: nobody must wait for ever because of it. */
	s->at = now_ms() + RETRY_MS;
	note_time(l, s->at);
}

void loop_rest(struct loop *l, loop_id id, uint32_t events, int ms)
{
	struct slot *s = find(l, id);

	if (!s)
		return;
	loop_set(l, id, 0);
	s->wanted = events;
	s->at = now_ms() + ms;
	note_time(l, s->at);
}

static void try_again(struct loop *l, int64_t now)
{
	l->retry_at = -1;
	for (uint32_t i = 0; i < l->count; i++) {
		const struct slot *s = &l->slots[i];

		if (!(s->generation & 1) || !s->at)
			continue;
		if (s->at <= now)
			loop_set(l, (uint64_t)s->generation << 32 | i, s->wanted);
		else
			note_time(l, s->at);
	}
}

void loop_del(struct loop *l, loop_id id)
{
	struct slot *s = find(l, id);

	if (!s)
		return;
	epoll_ctl(l->epfd, EPOLL_CTL_DEL, s->fd, NULL);
	s->generation++;
}

void loop_timer(struct loop *l, int ms, loop_fn *fn, void *obj)
{
	l->timer_at = ms < 0 ? -1 : now_ms() + ms;
	l->timer_fn = fn;
	l->timer_obj = obj;
}

/* Does what is due. How long it is to the next. */
static int run_timers(struct loop *l)
{
	int64_t now = now_ms(), next;

	if (l->retry_at >= 0 && l->retry_at <= now)
		try_again(l, now);
	if (l->timer_at >= 0 && l->timer_at <= now) {
		l->timer_at = -1;
		l->timer_fn(l->timer_obj, 0);
		return 0;
	}
	next = l->timer_at < 0 || (l->retry_at >= 0 && l->retry_at < l->timer_at) ? l->retry_at
										  : l->timer_at;
	return next < 0 ? -1 : (int)(next - now);
}

void loop_run(struct loop *l)
{
	struct epoll_event ev[32];

	while (!l->stop) {
		int n = epoll_wait(l->epfd, ev, 32, run_timers(l));

		for (int i = 0; i < n && !l->stop; i++) {
			struct slot *s = find(l, ev[i].data.u64);

			if (s)
				s->fn(s->obj, ev[i].events);
		}
	}
}

void loop_stop(struct loop *l)
{
	l->stop = true;
}
