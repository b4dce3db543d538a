/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The restricted reader of pickles: its stack and memo, and the trees that are built from them.
 *
 * Only what is on the stack can be changed, and it is owned by its one place there: a container
 * comes out of the memo as a copy. So once attached to another a container is out of reach: no
 * cycle can be made, and the height kept beside each entry of the stack stays true.
 */
#include "wire/unpickle.h"

#include <stdlib.h>
#include <string.h>

#define MAX_LEVELS 64
#define MAX_STACK ((size_t)1 << 22)

/* Makes room for want entries and zeroes the new ones. NULL: no memory, old is as it was. */
static void *grown(void *old, size_t *room, size_t want, size_t size)
{
	size_t to = *room ? *room : 32;
	char *p;

	while (to < want)
		to *= 2;
	p = reallocarray(old, to, size);
	if (!p)
		return NULL;
	memset(p + *room * size, 0, (to - *room) * size);
	*room = to;
	return p;
}

/* Stack */

static size_t bottom(const struct reader *r)
{
	return r->nmarks ? r->marks[r->nmarks - 1] : 0;
}

int reader_need(struct reader *r, size_t n)
{
	return r->count - bottom(r) < n ? reader_bad(r, "stack underflow") : 0;
}

int reader_push(struct reader *r, const struct slot *s)
{
	struct slot *stack = r->stack;

	if (r->count == MAX_STACK)
		return reader_bad(r, "stack overflow");
	if (r->count == r->room)
		stack = grown(stack, &r->room, r->count + 1, sizeof(*stack));
	if (!stack)
		return err_nomem(r->e);
	r->stack = stack;
	stack[r->count++] = *s;
	return 0;
}

int reader_push_scalar(struct reader *r, struct value *v)
{
	struct slot s = { .v = v, .kind = VALUE };

	return v ? reader_push(r, &s) : err_nomem(r->e);
}

int reader_pop_mark(struct reader *r, size_t *mark)
{
	if (!r->nmarks)
		return reader_bad(r, "no mark");
	*mark = r->marks[--r->nmarks];
	return 0;
}

int reader_pop(struct reader *r)
{
	if (r->nmarks && bottom(r) == r->count) {
		r->nmarks--;
		return 0;
	}
	if (reader_need(r, 1))
		return -1;
	r->count--;
	return 0;
}

int reader_mark(struct reader *r)
{
	size_t *marks = r->marks;

	if (r->nmarks == MAX_STACK)
		return reader_bad(r, "stack overflow");
	if (r->nmarks == r->marks_room)
		marks = grown(marks, &r->marks_room, r->nmarks + 1, sizeof(*marks));
	if (!marks)
		return err_nomem(r->e);
	r->marks = marks;
	marks[r->nmarks++] = r->count;
	return 0;
}

/* Trees */

static struct value *copy_tree(struct reader *r, struct value *v, unsigned int *height);

static bool copy_items(struct reader *r, struct value *c, const struct value *v,
		       unsigned int *height)
{
	unsigned int h;

	for (size_t i = 0; i < v->count; i++) {
		struct value *item = copy_tree(r, v->items[i], &h);

		if (!item)
			return false;
		if (!value_append(r->pool, c, item)) {
			err_nomem(r->e);
			return false;
		}
		if (h >= *height)
			*height = h + 1;
	}
	return true;
}

static bool copy_object(struct reader *r, struct value *c, const struct value *v,
			unsigned int *height)
{
	unsigned int args, state = 0;

	c->class = v->class;
	c->args = copy_tree(r, v->args, &args);
	c->state = v->state && c->args ? copy_tree(r, v->state, &state) : NULL;
	*height = 1 + (args > state ? args : state);
	return c->args && !c->state == !v->state;
}

/* NULL: with the error set. What cannot change is shared. */
static struct value *copy_tree(struct reader *r, struct value *v, unsigned int *height)
{
	struct value *c;
	size_t cost;
	bool done;

	*height = v->type < V_LIST ? 0 : 1;
	if (v->type < V_LIST)
		return v;
	cost = 1 + (v->type == V_OBJECT ? 0 : v->count);
	if (cost > r->copies) {
		reader_bad(r, "too much is used more than once");
		return NULL;
	}
	r->copies -= cost;
	c = value_new(r->pool, v->type);
	if (!c) {
		err_nomem(r->e);
		return NULL;
	}
	done = v->type == V_OBJECT ? copy_object(r, c, v, height) : copy_items(r, c, v, height);
	return done ? c : NULL;
}

static int push_copy(struct reader *r, const struct slot *original)
{
	struct slot s = *original;
	unsigned int height = 0;

	s.memo = 0;
	if (s.kind == VALUE) {
		s.v = copy_tree(r, s.v, &height);
		if (!s.v)
			return -1;
	}
	s.height = (uint8_t)height;
	return reader_push(r, &s);
}

int reader_check_child(struct reader *r, struct slot *parent, const struct slot *child)
{
	if (child->kind != VALUE)
		return err_set(r->e, ERR_PEER, 0, "pickle: class %s is used as data", child->class);
	if (child->height >= MAX_LEVELS)
		return reader_bad(r, "more than 64 levels");
	if (parent->height <= child->height)
		parent->height = (uint8_t)(child->height + 1);
	return 0;
}

/* A copy made while its original was not complete stands for a reference to itself. */
int reader_check_change(struct reader *r, const struct slot *s)
{
	const struct memo *m = s->memo ? &r->memo[s->memo - 1] : NULL;

	if (m && m->copied && m->slot.v == s->v)
		return reader_bad(r, "a value that contains itself");
	return 0;
}

/* Takes the entries from the one at from off the stack and puts them into parent. */
static int fill(struct reader *r, struct slot *parent, size_t from)
{
	if (parent->v->type == V_DICT && (r->count - from) % 2)
		return reader_bad(r, "a key without a value");
	for (size_t i = from; i < r->count; i++) {
		struct slot *s = &r->stack[i];

		if (reader_check_child(r, parent, s))
			return -1;
		if (!value_append(r->pool, parent->v, s->v))
			return err_nomem(r->e);
	}
	r->count = from;
	return 0;
}

int reader_make(struct reader *r, enum value_type type, size_t from)
{
	struct slot s = { .v = value_new(r->pool, type), .height = 1, .kind = VALUE };

	if (!s.v)
		return err_nomem(r->e);
	return fill(r, &s, from) ? -1 : reader_push(r, &s);
}

int reader_extend(struct reader *r, unsigned int type, size_t from)
{
	struct slot *parent;

	if (from <= bottom(r))
		return reader_bad(r, "stack underflow");
	parent = &r->stack[from - 1];
	if (parent->kind != VALUE || parent->v->type != type)
		return reader_bad(r, "an item for what cannot hold it");
	return reader_check_change(r, parent) ? -1 : fill(r, parent, from);
}

/* Memo and copies */

int reader_put(struct reader *r, size_t i)
{
	struct memo *memo = r->memo;

	if (reader_need(r, 1))
		return -1;
	if (i >= r->memo_room)
		memo = grown(memo, &r->memo_room, i + 1, sizeof(*memo));
	if (!memo)
		return err_nomem(r->e);
	r->memo = memo;
	r->stack[r->count - 1].memo = (uint32_t)i + 1;
	memo[i] = (struct memo){ .slot = r->stack[r->count - 1], .used = true };
	return 0;
}

int reader_get(struct reader *r, size_t i)
{
	if (i >= r->memo_room || !r->memo[i].used)
		return reader_bad(r, "nothing at that memo index");
	r->memo[i].copied = true;
	return push_copy(r, &r->memo[i].slot);
}

int reader_dup(struct reader *r)
{
	return reader_need(r, 1) ? -1 : push_copy(r, &r->stack[r->count - 1]);
}
