/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The classes of wire.md section 5 as pickles: see object.h. */
#include "wire/object.h"

#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "wire/pickle.h"

void object_iface(struct buf *b, const struct iface *i)
{
	char text[LLADDR_TEXT];

	pickle_object(b, "nemu.iproute", "interface");
	pickle_set_int(b, "_index", i->index);
	pickle_set_str(b, "name", i->name);
	pickle_set_bool(b, "_up", i->flags & IFF_UP);
	pickle_set_int(b, "_mtu", i->mtu);
	pickle_set_str(b, "_lladdr", lladdr_text(&i->lladdr, text));
	pickle_set_str(b, "broadcast", lladdr_text(&i->broadcast, text));
	pickle_set_bool(b, "_mc", i->flags & IFF_MULTICAST);
	pickle_set_bool(b, "_arp", !(i->flags & IFF_NOARP));
	pickle_object_end(b);
}

void object_address(struct buf *b, const struct address *a)
{
	char text[INADDR_TEXT];
	bool v4 = a->local.family == AF_INET;

	pickle_object(b, "nemu.iproute", v4 ? "ipv4address" : "ipv6address");
	pickle_set_str(b, "address", inaddr_text(&a->local, text));
	pickle_set_int(b, "prefix_len", a->prefix_len);
	if (v4)
		pickle_set_str(b, "broadcast", inaddr_text(&a->broadcast, text));
	pickle_set_int(b, "family", a->local.family);
	pickle_object_end(b);
}

int object_route_type(int rtn)
{
	static const int order[] = { RTN_UNICAST,     RTN_LOCAL,    RTN_BROADCAST, RTN_MULTICAST,
				     RTN_THROW,	      RTN_UNREACHABLE, RTN_PROHIBIT,
				     RTN_BLACKHOLE,   RTN_NAT };

	for (int i = 0; i < (int)(sizeof(order) / sizeof(*order)); i++)
		if (order[i] == rtn)
			return i;
	return -1;
}

void object_route(struct buf *b, const struct route *r)
{
	char text[INADDR_TEXT];

	pickle_object(b, "nemu.iproute", "route");
	pickle_set_int(b, "_tipe", object_route_type(r->type));
	pickle_set_str(b, "_prefix", inaddr_text(&r->dst, text));
	pickle_set_int(b, "_plen", r->prefix_len);
	pickle_set_str(b, "_nexthop", inaddr_text(&r->gateway, text));
	pickle_str(b, "_interface");
	if (r->index)
		pickle_int(b, r->index);
	else
		pickle_none(b);
	pickle_set_int(b, "_metric", r->metric);
	pickle_object_end(b);
}

void object_exception(struct buf *b, const struct err *e)
{
	const char *class = e->kind == ERR_ABSENT    ? "KeyError"
			    : e->kind == ERR_VALUE   ? "ValueError"
			    : e->kind == ERR_KERNEL  ? "RuntimeError"
			    : e->kind == ERR_FEATURE ? "RuntimeError"
						     : "OSError";

	pickle_start(b);
	pickle_exception(b, class);
	if (e->kind == ERR_ABSENT) {
		pickle_int(b, e->key);
	} else if (!strcmp(class, "OSError")) {
		pickle_int(b, e->errnum ? e->errnum : EIO);
		pickle_str(b, strerror(e->errnum ? e->errnum : EIO));
	} else {
		pickle_str(b, e->text);
	}
	pickle_exception_state(b);
	pickle_set_str(b, "child_traceback", e->text);
	pickle_set_str(b, "text", e->text);
	if (e->kind == ERR_KERNEL || e->kind == ERR_FEATURE)
		pickle_set_int(b, "errno", e->errnum);
	if (e->step)
		pickle_set_str(b, "step", e->step);
	pickle_object_end(b);
	pickle_stop(b);
}

/* The steps are constants here, so that an error never points into a pickle. */
static const char *known_step(const char *s)
{
	static const char *const steps[] = { "user", "cwd", "exec", "stdio", "fork", "session" };

	for (size_t i = 0; i < sizeof(steps) / sizeof(*steps); i++)
		if (!strcmp(steps[i], s))
			return steps[i];
	return NULL;
}

static void text_of(const struct value *v, char *text, size_t size)
{
	if (v && v->type == V_STR)
		snprintf(text, size, "%s", v->str);
	else if (v && v->type == V_INT)
		snprintf(text, size, "%lld", (long long)v->num);
	else
		snprintf(text, size, "no reason given");
}

/* One of the classes that are no exception. */
static bool is_data(const char *class)
{
	static const char *const names[] = { "interface", "ipv4address", "ipv6address", "route" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (!strcmp(names[i], class))
			return true;
	return false;
}

int object_to_err(const struct value *v, struct err *e)
{
	char text[sizeof(e->text) - 64];
	const char *class, *own_text;
	const struct value *arg0, *arg1;
	int64_t errnum;

	if (!v || v->type != V_OBJECT || is_data(v->class))
		return err_set(e, ERR_PEER, 0, "the server's error is no exception");
	class = v->class;
	arg0 = value_at(v->args, 0);
	arg1 = value_at(v->args, 1);
	errnum = value_num(v->state, "errno", 0);
	own_text = value_text(v->state, "text", NULL);
	if ((!strcmp(class, "OSError") || !strcmp(class, "IOError")) && arg0 &&
	    arg0->type == V_INT) {
		text_of(arg1, text, sizeof(text));
		err_set(e, ERR_OS, (int)arg0->num, "%s", own_text ? own_text : text);
		e->step = known_step(value_text(v->state, "step", ""));
	} else if (!strcmp(class, "KeyError")) {
		text_of(arg0, text, sizeof(text));
		err_set(e, ERR_ABSENT, 0, "%s: not found", text);
	} else {
		text_of(arg0, text, sizeof(text));
		if (errnum > 0 && errnum < 4096)
			err_set(e, errnum == EOPNOTSUPP ? ERR_FEATURE : ERR_KERNEL, (int)errnum, "%s",
				text);
		else if (!strcmp(class, "ValueError") || !strcmp(class, "RuntimeError"))
			err_set(e, ERR_VALUE, 0, "%s", text);
		else
			err_set(e, ERR_VALUE, 0, "%s: %s", class, text);
	}
	err_printable(e->text);
	return -1;
}
