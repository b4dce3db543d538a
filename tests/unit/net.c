/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of common/base/net.c: addresses, link-layer addresses, names, types of routes. */
#include <linux/rtnetlink.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>

#include <cmocka.h>

#include "base/net.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static void test_addresses(void **state)
{
	static const struct {
		const char *in;
		int family;
		const char *out;
	} rows[] = {
		{ "10.0.0.1", AF_INET, "10.0.0.1" },
		{ "0.0.0.0", AF_INET, "0.0.0.0" },
		{ "255.255.255.255", AF_INET, "255.255.255.255" },
		{ "::", AF_INET6, "::" },
		{ "fd00::1", AF_INET6, "fd00::1" },
		{ "FD00:0:0:0:0:0:0:1", AF_INET6, "fd00::1" },
		{ "::ffff:10.0.0.1", AF_INET6, "::ffff:10.0.0.1" },
		{ "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", AF_INET6,
		  "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff" },
	};
	static const char *const none[] = { "", "10", "10.0.0", "10.0.0.256", "10.0.0.1.1", "10.0.0.1 ",
					    " 10.0.0.1", "10.0.0.1/8", "0x0a.0.0.1", "localhost", ":",
					    ":::", "fd00::1::2", "fd00::g", "12345::", "fd00::1%lo",
					    "1:2:3:4:5:6:7:8:9", "10.0.0.-1" };
	struct inaddr a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[INADDR_TEXT];

		assert_true(inaddr_parse(rows[i].in, &a));
		assert_int_equal(a.family, rows[i].family);
		assert_ptr_equal(inaddr_text(&a, text), text);
		assert_string_equal(text, rows[i].out);
	}
	for (size_t i = 0; i < COUNT(none); i++)
		if (inaddr_parse(none[i], &a))
			fail_msg("\"%s\" is no address", none[i]);
}

static void test_no_address(void **state)
{
	struct inaddr none = {0};
	char text[INADDR_TEXT];

	(void)state;
	assert_null(inaddr_text(&none, text));
	assert_int_equal(inaddr_len(AF_INET), 4);
	assert_int_equal(inaddr_len(AF_INET6), 16);
}

static void test_equal_addresses(void **state)
{
	static const struct {
		const char *a, *b;
		bool equal;
	} rows[] = {
		{ "10.0.0.1", "10.0.0.1", true },  { "10.0.0.1", "10.0.0.2", false },
		{ "fd00::1", "fd00:0::1", true },  { "fd00::1", "fd00::2", false },
		{ "0.0.0.0", "::", false },	   { "fd00::1", "fd00:1::1", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		struct inaddr a, b;

		assert_true(inaddr_parse(rows[i].a, &a));
		assert_true(inaddr_parse(rows[i].b, &b));
		assert_int_equal(inaddr_equal(&a, &b), rows[i].equal);
	}
}

/* Bytes behind those of an IPv4 address have no meaning. */
static void test_equal_ignores_the_rest(void **state)
{
	struct inaddr a = { AF_INET, { 10, 0, 0, 1, 7 } }, b = { AF_INET, { 10, 0, 0, 1, 8 } };

	(void)state;
	assert_true(inaddr_equal(&a, &b));
}

static void test_broadcast(void **state)
{
	static const struct {
		const char *address;
		unsigned char prefix_len;
		const char *broadcast;
	} rows[] = {
		{ "10.1.2.3", 24, "10.1.2.255" },     { "10.1.2.3", 16, "10.1.255.255" },
		{ "10.1.2.3", 8, "10.255.255.255" },  { "10.1.2.3", 0, "255.255.255.255" },
		{ "10.1.2.3", 1, "127.255.255.255" }, { "10.1.2.3", 30, "10.1.2.3" },
		{ "10.1.2.1", 30, "10.1.2.3" },	      { "10.1.2.129", 25, "10.1.2.255" },
		{ "10.1.2.1", 23, "10.1.3.255" },     { "10.1.2.3", 31, NULL },
		{ "10.1.2.3", 32, NULL },	      { "fd00::1", 64, NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[INADDR_TEXT];
		struct inaddr a, b;

		assert_true(inaddr_parse(rows[i].address, &a));
		b = inaddr_broadcast(&a, rows[i].prefix_len);
		if (rows[i].broadcast)
			assert_string_equal(inaddr_text(&b, text), rows[i].broadcast);
		else
			assert_int_equal(b.family, 0);
	}
}

static void test_link_layer(void **state)
{
	static const struct {
		const char *in, *out;
	} rows[] = {
		{ "02:00:00:00:00:01", "02:00:00:00:00:01" },
		{ "2:0:0:0:0:1", "02:00:00:00:00:01" },
		{ "AB:cd:Ef:0:10:1", "ab:cd:ef:00:10:01" },
		{ "0200ABcdEf01", "02:00:ab:cd:ef:01" },
		{ "1", "00:00:00:00:00:01" },
		{ "abc", "00:00:00:00:0a:bc" },
		{ "20000000001", "02:00:00:00:00:01" },
		{ "000000000000", "00:00:00:00:00:00" },
		{ "1:2", "01:02" },
		{ "0:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f",
		  "00:01:02:03:04:05:06:07:08:09:0a:0b:0c:0d:0e:0f:10:11:12:13:14:15:16:17:18:19:1a:1b:"
		  "1c:1d:1e:1f" },
	};
	static const char *const none[] = {
		"", ":", "::", "1:", ":1", "1::2", "123:4", "1:234", "g", "0:g", "0x12", "-1", " 1", "1 ",
		"02-00-00-00-00-01", "1234567890abc", "02:00:00:00:00:01 ", "02:00:00:00:00:01:",
		"0:1:2:3:4:5:6:7:8:9:a:b:c:d:e:f:10:11:12:13:14:15:16:17:18:19:1a:1b:1c:1d:1e:1f:20",
	};
	struct lladdr a;

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		char text[LLADDR_TEXT];

		if (!lladdr_parse(rows[i].in, &a))
			fail_msg("\"%s\" is one", rows[i].in);
		assert_ptr_equal(lladdr_text(&a, text), text);
		assert_string_equal(text, rows[i].out);
	}
	for (size_t i = 0; i < COUNT(none); i++)
		if (lladdr_parse(none[i], &a))
			fail_msg("\"%s\" is none", none[i]);
}

static void test_no_link_layer(void **state)
{
	struct lladdr none = {0}, other = { .len = 0, .bytes = { 1 } }, a, b;
	char text[LLADDR_TEXT];

	(void)state;
	assert_null(lladdr_text(&none, text));
	assert_true(lladdr_equal(&none, &other));
	assert_true(lladdr_parse("1:2", &a));
	assert_true(lladdr_parse("1:2:0", &b));
	assert_false(lladdr_equal(&a, &b));
	assert_false(lladdr_equal(&a, &none));
	assert_true(lladdr_parse("01:02", &b));
	assert_true(lladdr_equal(&a, &b));
}

/* dev_valid_name() of the kernel, whose white space includes byte 0xa0. */
static void test_interface_names(void **state)
{
	static const char *const good[] = { "lo", "eth0", "a", "fifteen-letters", "...", "a.b",
					    "veth+", "-x", "a\x7f", "\xc3\xa9", "0", "@", "a\"b'" };
	static const char *const bad[] = { "", ".", "..", "%d", "a%b", "sixteen-letters-", "a b", "a/b", "/", "a:b",
					   "a\tb", "a\n", " a", "a\v", "a\f", "a\r", "\xc3\xa0",
					   "a\xa0" "b" };

	(void)state;
	for (size_t i = 0; i < COUNT(good); i++)
		if (!ifname_valid(good[i]))
			fail_msg("\"%s\" is one", good[i]);
	for (size_t i = 0; i < COUNT(bad); i++)
		if (ifname_valid(bad[i]))
			fail_msg("\"%s\" is none", bad[i]);
}

static void test_route_types(void **state)
{
	static const struct {
		int type;
		const char *name;
	} rows[] = {
		{ RTN_UNICAST, "unicast" },	    { RTN_LOCAL, "local" },
		{ RTN_BROADCAST, "broadcast" },	    { RTN_ANYCAST, "anycast" },
		{ RTN_MULTICAST, "multicast" },	    { RTN_BLACKHOLE, "blackhole" },
		{ RTN_UNREACHABLE, "unreachable" }, { RTN_PROHIBIT, "prohibit" },
		{ RTN_THROW, "throw" },		    { RTN_NAT, "nat" },
	};
	static const char *const none[] = { "", "unspec", "UNICAST", "uni", "unicast ", "1", "xresolve" };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		assert_string_equal(route_type_name(rows[i].type), rows[i].name);
		assert_int_equal(route_type_parse(rows[i].name), rows[i].type);
	}
	for (size_t i = 0; i < COUNT(none); i++)
		assert_int_equal(route_type_parse(none[i]), -1);
	assert_null(route_type_name(-1));
	assert_null(route_type_name(RTN_UNSPEC));
	assert_null(route_type_name(RTN_XRESOLVE));
	assert_null(route_type_name(1000));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_addresses),
		cmocka_unit_test(test_no_address),
		cmocka_unit_test(test_equal_addresses),
		cmocka_unit_test(test_equal_ignores_the_rest),
		cmocka_unit_test(test_broadcast),
		cmocka_unit_test(test_link_layer),
		cmocka_unit_test(test_no_link_layer),
		cmocka_unit_test(test_interface_names),
		cmocka_unit_test(test_route_types),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
