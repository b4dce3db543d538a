/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The event loop: epoll with callbacks, and one timer. What epoll carries is a slot's number and
 * generation, so an event for a descriptor that an earlier event of the same batch took away
 * finds nobody.
 */
#ifndef SERVER_LOOP_H
#define SERVER_LOOP_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

struct loop;
typedef void loop_fn(void *obj, uint32_t events);
typedef uint64_t loop_id; /* 0: none */

struct loop *loop_new(struct err *e);
void loop_free(struct loop *l);

/* events: EPOLLIN, EPOLLOUT or 0; errors and hang-ups always come. The descriptor stays the
 * caller's. 0 without memory (or beyond the kernel's limit): errno. */
loop_id loop_add(struct loop *l, int fd, uint32_t events, loop_fn *fn, void *obj);
void loop_set(struct loop *l, loop_id id, uint32_t events);
/* As loop_set, but not before ms milliseconds have passed, unless loop_set is called meanwhile. */
void loop_rest(struct loop *l, loop_id id, uint32_t events, int ms);
/* Call it before the descriptor is closed. */
void loop_del(struct loop *l, loop_id id);

/* Calls fn(obj, 0) once in ms milliseconds; a new call replaces the one under way. ms < 0: none. */
void loop_timer(struct loop *l, int ms, loop_fn *fn, void *obj);

/* Until loop_stop. */
void loop_run(struct loop *l);
void loop_stop(struct loop *l);

#endif
