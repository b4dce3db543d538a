/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/wire/object.c: what is written is read back by common/wire/unpickle.c. */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/object.h"
#include "wire/pickle.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct value *read_back(struct value_pool *pool, const struct buf *b)
{
	struct err e = ERR_INIT;
	const struct value *v;

	assert_false(b->failed);
	v = pickle_read(pool, b->data, b->len, &e);
	if (!v)
		fail_msg("%s", e.text);
	return v;
}

/* One object's state, after a look at its class. */
static const struct value *state_of(const struct value *v, const char *class, size_t keys)
{
	assert_int_equal(v->type, V_OBJECT);
	assert_string_equal(v->class, class);
	assert_non_null(v->state);
	assert_int_equal(value_len(v->state), keys);
	return v->state;
}

static void has_num(const struct value *state, const char *key, enum value_type type, int64_t num)
{
	const struct value *v = value_get(state, key);

	if (!v || v->type != type || v->num != num)
		fail_msg("%s is not %lld", key, (long long)num);
}

/* text NULL: None. */
static void has_text(const struct value *state, const char *key, const char *text)
{
	const struct value *v = value_get(state, key);

	if (!v || v->type != (text ? V_STR : V_NONE) || (text && strcmp(v->str, text)))
		fail_msg("%s is not %s", key, text ? text : "None");
}

static void test_interfaces(void **state)
{
	static const struct {
		unsigned int flags;
		int up, mc, arp;
	} rows[] = {
		{ 0, 0, 0, 1 },
		{ IFF_UP, 1, 0, 1 },
		{ IFF_MULTICAST, 0, 1, 1 },
		{ IFF_NOARP, 0, 0, 0 },
		{ IFF_UP | IFF_MULTICAST | IFF_NOARP | IFF_RUNNING, 1, 1, 0 },
		{ ~0u, 1, 1, 0 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		struct iface f = { .index = 70000, .name = "fifteen-letters", .mtu = 4294967295u,
				   .flags = rows[i].flags };
		const struct value *s;

		assert_true(lladdr_parse("2:0:0:0:AB:1", &f.lladdr));
		assert_true(lladdr_parse("ff:ff:ff:ff:ff:ff", &f.broadcast));
		pickle_start(&b);
		object_iface(&b, &f);
		pickle_stop(&b);
		s = state_of(read_back(&pool, &b), "interface", 8);
		has_num(s, "_index", V_INT, 70000);
		has_text(s, "name", "fifteen-letters");
		has_num(s, "_up", V_BOOL, rows[i].up);
		has_num(s, "_mtu", V_INT, 4294967295);
		has_text(s, "_lladdr", "02:00:00:00:ab:01");
		has_text(s, "broadcast", "ff:ff:ff:ff:ff:ff");
		has_num(s, "_mc", V_BOOL, rows[i].mc);
		has_num(s, "_arp", V_BOOL, rows[i].arp);
	}
}

static void test_interface_without_address(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct iface f = { .index = 1, .name = "tun0", .mtu = 1500 };
	const struct value *s;

	(void)state;
	pickle_start(&b);
	object_iface(&b, &f);
	pickle_stop(&b);
	s = state_of(read_back(&pool, &b), "interface", 8);
	has_text(s, "_lladdr", NULL);
	has_text(s, "broadcast", NULL);
}

static void test_addresses(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct address four = { .index = 2, .prefix_len = 24 }, plain = { .prefix_len = 32 },
		       six = { .prefix_len = 128 };
	const struct value *v, *s;

	(void)state;
	assert_true(inaddr_parse("10.1.2.3", &four.local));
	assert_true(inaddr_parse("10.1.2.255", &four.broadcast));
	assert_true(inaddr_parse("10.9.9.9", &plain.local));
	assert_true(inaddr_parse("fd00::1", &six.local));
	pickle_start(&b);
	pickle_list(&b);
	object_address(&b, &four);
	object_address(&b, &plain);
	object_address(&b, &six);
	pickle_list_end(&b);
	pickle_stop(&b);
	v = read_back(&pool, &b);
	assert_int_equal(value_len(v), 3);
	s = state_of(value_at(v, 0), "ipv4address", 4);
	has_text(s, "address", "10.1.2.3");
	has_num(s, "prefix_len", V_INT, 24);
	has_text(s, "broadcast", "10.1.2.255");
	has_num(s, "family", V_INT, 2);
	has_text(state_of(value_at(v, 1), "ipv4address", 4), "broadcast", NULL);
	s = state_of(value_at(v, 2), "ipv6address", 3);
	has_text(s, "address", "fd00::1");
	has_num(s, "prefix_len", V_INT, 128);
	has_num(s, "family", V_INT, 10);
}

static void test_routes(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct route via = { .family = AF_INET, .type = RTN_UNICAST, .prefix_len = 16, .index = 300,
			     .metric = 4000000000u },
		     bare = { .family = AF_INET, .type = RTN_BLACKHOLE };
	const struct value *v, *s;

	(void)state;
	assert_true(inaddr_parse("10.1.0.0", &via.dst));
	assert_true(inaddr_parse("10.0.0.1", &via.gateway));
	pickle_start(&b);
	pickle_list(&b);
	object_route(&b, &via);
	object_route(&b, &bare);
	pickle_list_end(&b);
	pickle_stop(&b);
	v = read_back(&pool, &b);
	assert_int_equal(value_len(v), 2);
	s = state_of(value_at(v, 0), "route", 6);
	has_num(s, "_tipe", V_INT, 0);
	has_text(s, "_prefix", "10.1.0.0");
	has_num(s, "_plen", V_INT, 16);
	has_text(s, "_nexthop", "10.0.0.1");
	has_num(s, "_interface", V_INT, 300);
	has_num(s, "_metric", V_INT, 4000000000);
	s = state_of(value_at(v, 1), "route", 6);
	has_num(s, "_tipe", V_INT, 7);
	has_text(s, "_prefix", NULL);
	has_num(s, "_plen", V_INT, 0);
	has_text(s, "_nexthop", NULL);
	has_text(s, "_interface", NULL);
	has_num(s, "_metric", V_INT, 0);
}

static void test_route_types(void **state)
{
	static const int order[] = { RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST, RTN_THROW,
				     RTN_UNREACHABLE, RTN_PROHIBIT, RTN_BLACKHOLE, RTN_NAT };

	(void)state;
	for (int i = 0; i < (int)COUNT(order); i++)
		assert_int_equal(object_route_type(order[i]), i);
	assert_int_equal(object_route_type(RTN_UNSPEC), -1);
	assert_int_equal(object_route_type(RTN_ANYCAST), -1);
	assert_int_equal(object_route_type(RTN_XRESOLVE), -1);
	assert_int_equal(object_route_type(1000), -1);
}

/* What the server means arrives at the client; class and arguments are those of wire.md. */
static void test_exceptions(void **state)
{
	static const struct {
		struct err e;
		const char *class;
		size_t args;
		enum err_kind kind; /* at the other end */
	} rows[] = {
		{ { .kind = ERR_VALUE, .text = "zz: not an address" }, "ValueError", 1, ERR_VALUE },
		{ { .kind = ERR_ABSENT, .key = 4711, .text = "4711" }, "KeyError", 1, ERR_ABSENT },
		{ { .kind = ERR_ABSENT, .key = -5, .text = "-5" }, "KeyError", 1, ERR_ABSENT },
		{ { .kind = ERR_KERNEL, .errnum = EEXIST, .text = "br0: File exists" }, "RuntimeError",
		  1, ERR_KERNEL },
		{ { .kind = ERR_KERNEL, .errnum = ENODEV, .text = "gone" }, "RuntimeError", 1,
		  ERR_KERNEL },
		{ { .kind = ERR_FEATURE, .errnum = EOPNOTSUPP, .text = "no such kind" },
		  "RuntimeError", 1, ERR_FEATURE },
		{ { .kind = ERR_OS, .errnum = ENOENT, .step = "exec", .text = "x: not there" },
		  "OSError", 2, ERR_OS },
		{ { .kind = ERR_OS, .errnum = ENOTDIR, .step = "cwd", .text = "y" }, "OSError", 2,
		  ERR_OS },
		{ { .kind = ERR_OS, .errnum = EPERM, .step = "user", .text = "z" }, "OSError", 2,
		  ERR_OS },
		{ { .kind = ERR_OS, .errnum = EBADF, .step = "stdio", .text = "z" }, "OSError", 2,
		  ERR_OS },
		{ { .kind = ERR_OS, .errnum = EAGAIN, .step = "fork", .text = "z" }, "OSError", 2,
		  ERR_OS },
		{ { .kind = ERR_OS, .errnum = EIO, .text = "no step" }, "OSError", 2, ERR_OS },
		{ { .kind = ERR_INTERNAL, .errnum = ENOMEM, .text = "out of memory" }, "OSError", 2,
		  ERR_OS },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		struct err back = ERR_INIT;
		const struct value *v;

		object_exception(&b, &rows[i].e);
		v = read_back(&pool, &b);
		assert_int_equal(v->type, V_OBJECT);
		assert_string_equal(v->class, rows[i].class);
		assert_int_equal(value_len(v->args), rows[i].args);
		assert_non_null(value_text(v->state, "child_traceback", NULL));
		if (rows[i].args == 2) {
			assert_int_equal(value_at(v->args, 0)->num, rows[i].e.errnum);
			assert_string_equal(value_at(v->args, 1)->str, strerror(rows[i].e.errnum));
		} else if (rows[i].e.kind == ERR_ABSENT) {
			assert_int_equal(value_at(v->args, 0)->type, V_INT);
			assert_int_equal(value_at(v->args, 0)->num, rows[i].e.key);
		} else {
			assert_string_equal(value_at(v->args, 0)->str, rows[i].e.text);
		}
		if (rows[i].e.kind == ERR_KERNEL)
			has_num(v->state, "errno", V_INT, rows[i].e.errnum);

		assert_int_equal(object_to_err(v, &back), -1);
		assert_int_equal(back.kind, rows[i].kind);
		assert_non_null(strstr(back.text, rows[i].e.text));
		if (rows[i].e.kind != ERR_ABSENT)
			assert_int_equal(back.errnum, rows[i].e.errnum);
		if (rows[i].e.step)
			assert_string_equal(back.step, rows[i].e.step);
		else
			assert_null(back.step);
	}
}

/* Exceptions as the reference sends them: no text and no step of ours. */
static void test_exceptions_of_the_reference(void **state)
{
	static const struct {
		const char *pickle;
		enum err_kind kind;
		int errnum;
		const char *text;
	} rows[] = {
		{ "cexceptions\nOSError\n(K\x02U\x08Not heretR}U\x0f" "child_tracebackU\x02xxsb.", ERR_OS, 2,
		  "Not here" },
		{ "cexceptions\nIOError\n(K\x0dU\x02notR.", ERR_OS, 13, "no" },
		{ "cexceptions\nOSError\n)R.", ERR_VALUE, 0, "OSError" },
		{ "cexceptions\nOSError\n(U\x01xtR.", ERR_VALUE, 0, "x" },
		{ "cexceptions\nKeyError\n(K\x07tR.", ERR_ABSENT, 0, "7" },
		{ "cexceptions\nKeyError\n(U\x04nametR.", ERR_ABSENT, 0, "name" },
		{ "cexceptions\nValueError\n(U\x03" "badtR.", ERR_VALUE, 0, "bad" },
		{ "cexceptions\nRuntimeError\n(U\x05oddlytR.", ERR_VALUE, 0, "oddly" },
		{ "cexceptions\nRuntimeError\n)R.", ERR_VALUE, 0, "" },
		{ "cexceptions\nTypeError\n(U\x04typetR.", ERR_VALUE, 0, "TypeError" },
		{ "cexceptions\nRuntimeError\n(U\x06\x1b[31m\ntR.", ERR_VALUE, 0, "?[31m?" },
		{ "K\x05.", ERR_PEER, 0, "" },
		{ "N.", ERR_PEER, 0, "" },
		{ "}.", ERR_PEER, 0, "" },
		{ "U\x05hello.", ERR_PEER, 0, "" },
		{ "](K\x01K\x02" "e.", ERR_PEER, 0, "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		struct err e = ERR_INIT;

		buf_add(&b, "\x80\x02", 2);
		buf_adds(&b, rows[i].pickle);
		assert_int_equal(object_to_err(read_back(&pool, &b), &e), -1);
		if (e.kind != rows[i].kind || e.errnum != rows[i].errnum ||
		    !strstr(e.text, rows[i].text))
			fail_msg("row %zu: kind %d, errno %d, \"%s\"", i, (int)e.kind, e.errnum, e.text);
		assert_true(e.text[0]);
		assert_null(e.step);
		for (const char *p = e.text; *p; p++)
			assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
	}
}

/* Objects that are no exceptions are no errors either. */
static void test_no_exception(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct iface f = { .index = 1, .name = "lo" };
	struct err e = ERR_INIT;

	(void)state;
	assert_int_equal(object_to_err(NULL, &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
	pickle_start(&b);
	object_iface(&b, &f);
	pickle_stop(&b);
	e = (struct err)ERR_INIT;
	assert_int_equal(object_to_err(read_back(&pool, &b), &e), -1);
	assert_int_equal(e.kind, ERR_PEER);
}

/* A step is one of ours or none, never bytes of the pickle. */
static void test_unknown_step(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct err e = ERR_INIT;

	(void)state;
	pickle_start(&b);
	pickle_exception(&b, "OSError");
	pickle_int(&b, 2);
	pickle_str(&b, "x");
	pickle_exception_state(&b);
	pickle_str(&b, "step");
	pickle_str(&b, "other");
	pickle_object_end(&b);
	pickle_stop(&b);
	assert_int_equal(object_to_err(read_back(&pool, &b), &e), -1);
	assert_int_equal(e.kind, ERR_OS);
	assert_null(e.step);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_interfaces),
		cmocka_unit_test(test_interface_without_address),
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_routes),
		cmocka_unit_test(test_route_types),
		cmocka_unit_test(test_exceptions),
		cmocka_unit_test(test_exceptions_of_the_reference),
		cmocka_unit_test(test_no_exception),
		cmocka_unit_test(test_unknown_step),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
