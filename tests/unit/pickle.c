/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Tests of common/wire/pickle.c, common/wire/unpickle.c and common/base/value.c. What Python 2.7
 * wrote is read from tests/unit/fixtures (tests/unit/make-fixtures.py made it); whether Python
 * reads what we write is for tests/unit/pickle-python.sh.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/cleanup.h"
#include "wire/pickle.h"

#ifndef FIXTURES
#define FIXTURES "tests/unit/fixtures"
#endif

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define BYTES(s) s, sizeof(s) - 1

static const char *const variants[] = { "c0", "c1", "c2", "p0", "p1", "p2" };

/* A value as text, near to Python's repr, with the pairs of a dict in sorted order. */

static void dump(struct buf *b, const struct value *v);

static int compare(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void dump_dict(struct buf *b, const struct value *v)
{
	size_t n = v->count / 2;
	own(mem) char **pairs = calloc(n + 1, sizeof(*pairs));

	for (size_t i = 0; i < n; i++) {
		own(buf) struct buf pair = {0};

		dump(&pair, v->items[2 * i]);
		buf_adds(&pair, ": ");
		dump(&pair, v->items[2 * i + 1]);
		pairs[i] = strdup(buf_cstr(&pair));
	}
	qsort(pairs, n, sizeof(*pairs), compare);
	buf_addc(b, '{');
	for (size_t i = 0; i < n; i++) {
		buf_addf(b, "%s%s", i ? ", " : "", pairs[i]);
		free(pairs[i]);
	}
	buf_addc(b, '}');
}

static void dump_str(struct buf *b, const struct value *v)
{
	assert_int_equal(v->str[v->len], 0);
	buf_addc(b, '\'');
	for (size_t i = 0; i < v->len; i++) {
		unsigned char c = (unsigned char)v->str[i];

		if (c < ' ' || c > '~' || c == '\\')
			buf_addf(b, "\\%02x", c);
		else
			buf_addc(b, (char)c);
	}
	buf_addc(b, '\'');
}

static void dump_items(struct buf *b, const struct value *v)
{
	buf_addc(b, v->type == V_LIST ? '[' : '(');
	for (size_t i = 0; i < v->count; i++) {
		buf_adds(b, i ? ", " : "");
		dump(b, v->items[i]);
	}
	buf_addc(b, v->type == V_LIST ? ']' : ')');
}

static void dump(struct buf *b, const struct value *v)
{
	switch (v->type) {
	case V_NONE:
		buf_adds(b, "None");
		break;
	case V_BOOL:
		buf_adds(b, v->num ? "True" : "False");
		break;
	case V_INT:
		buf_addf(b, "%lld", (long long)v->num);
		break;
	case V_STR:
		dump_str(b, v);
		break;
	case V_LIST:
	case V_TUPLE:
		dump_items(b, v);
		break;
	case V_DICT:
		dump_dict(b, v);
		break;
	case V_OBJECT:
		buf_adds(b, v->class);
		dump(b, v->args);
		if (v->state)
			dump(b, v->state);
		break;
	}
}

/* Reads a copy of exactly len bytes, so that a sanitizer sees a byte read too far. */
static const struct value *read_exact(struct value_pool *pool, const void *data, size_t len,
				      struct err *e)
{
	own(mem) char *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, data, len);
	return pickle_read(pool, copy, len, e);
}

static void check_reads(const char *name, const void *data, size_t len, const char *expected)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf text = {0};
	struct err e = ERR_INIT;
	const struct value *v = read_exact(&pool, data, len, &e);

	if (!v)
		fail_msg("%s: %s", name, e.text);
	dump(&text, v);
	assert_string_equal(buf_cstr(&text), expected);
}

static void check_refused(const char *name, const void *data, size_t len, const char *why)
{
	own(value_pool) struct value_pool pool = {0};
	struct err e = ERR_INIT;

	if (read_exact(&pool, data, len, &e))
		fail_msg("%s was read", name);
	assert_int_equal(e.kind, ERR_PEER);
	assert_ptr_equal(strstr(e.text, "pickle: "), e.text);
	if (!strstr(e.text, why))
		fail_msg("%s: '%s' instead of '%s'", name, e.text, why);
	for (const char *p = e.text; *p; p++)
		assert_true((unsigned char)*p >= ' ' && *p != 0x7f);
}

/* Fixtures */

static void load(struct buf *b, const char *name, const char *variant)
{
	char path[512];
	size_t got;
	FILE *f;

	snprintf(path, sizeof(path), FIXTURES "/%s-%s.pickle", name, variant);
	f = fopen(path, "rb");
	if (!f)
		fail_msg("%s: cannot be opened", path);
	do {
		char *room = buf_room(b, 4096);

		got = room ? fread(room, 1, 4096, f) : 0;
		b->len += got;
	} while (got);
	fclose(f);
}

#define TRACE "'child_traceback': 'Traceback (most recent call last):\\0a  File \"x\", line 1\\0a'"
#define LONG_X "xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx"
#define SHARED_TEXT "'used more than once, so that the memo is needed'"
#define SHARED_LIST "[1, " SHARED_TEXT "]"

static const struct {
	const char *name, *expected;
} fixtures[] = {
	{ "interfaces",
	  "{1: interface(){'_arp': True, '_index': 1, '_lladdr': '00:00:00:00:00:00', "
	  "'_mc': False, '_mtu': 65536, '_up': True, 'broadcast': 'ff:ff:ff:ff:ff:ff', "
	  "'name': 'lo'}, "
	  "2: interface(){'_arp': True, '_index': 2, '_lladdr': '52:54:00:00:00:02', "
	  "'_mc': True, '_mtu': 1500, '_up': True, 'broadcast': 'ff:ff:ff:ff:ff:ff', "
	  "'name': 'eth0'}, "
	  "300: interface(){'_arp': False, '_index': 300, '_lladdr': None, "
	  "'_mc': True, '_mtu': 1500, '_up': False, 'broadcast': None, 'name': 'tun0'}}" },
	{ "addresses",
	  "{1: [ipv4address(){'address': '127.0.0.1', 'broadcast': None, 'family': 2, "
	  "'prefix_len': 8}, "
	  "ipv6address(){'address': '::1', 'family': 10, 'prefix_len': 128}], "
	  "2: [ipv4address(){'address': '10.0.0.1', 'broadcast': '10.0.0.255', 'family': 2, "
	  "'prefix_len': 24}], 3: []}" },
	{ "routes",
	  "[route(){'_interface': 2, '_metric': 0, '_nexthop': '10.0.0.254', '_plen': 0, "
	  "'_prefix': None, '_tipe': 0}, "
	  "route(){'_interface': 2, '_metric': 100, '_nexthop': None, '_plen': 24, "
	  "'_prefix': '10.0.0.0', '_tipe': 0}, "
	  "route(){'_interface': None, '_metric': 1024, '_nexthop': None, '_plen': 8, "
	  "'_prefix': 'fd00::', '_tipe': 5}]" },
	{ "oserror", "OSError(2, 'No such file or directory'){" TRACE "}" },
	{ "oserror-file", "OSError(2, 'No such file or directory', '/nonexistent')" },
	{ "keyerror", "KeyError(7){" TRACE "}" },
	{ "valueerror", "ValueError('bad \"quotes\" and 'quotes''){" TRACE "}" },
	{ "runtimeerror", "RuntimeError('refused'){" TRACE ", 'errno': 95}" },
	{ "plain",
	  "{'bytes': '\\00\\01\\02\\03\\04\\05\\06\\07\\08\\09\\0a\\0b\\0c\\0d\\0e\\0f"
	  "\\10\\11\\12\\13\\14\\15\\16\\17\\18\\19\\1a\\1b\\1c\\1d\\1e\\1f"
	  " !\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\5c]^_`"
	  "abcdefghijklmnopqrstuvwxyz{|}~\\7f"
	  "\\80\\81\\82\\83\\84\\85\\86\\87\\88\\89\\8a\\8b\\8c\\8d\\8e\\8f"
	  "\\90\\91\\92\\93\\94\\95\\96\\97\\98\\99\\9a\\9b\\9c\\9d\\9e\\9f"
	  "\\a0\\a1\\a2\\a3\\a4\\a5\\a6\\a7\\a8\\a9\\aa\\ab\\ac\\ad\\ae\\af"
	  "\\b0\\b1\\b2\\b3\\b4\\b5\\b6\\b7\\b8\\b9\\ba\\bb\\bc\\bd\\be\\bf"
	  "\\c0\\c1\\c2\\c3\\c4\\c5\\c6\\c7\\c8\\c9\\ca\\cb\\cc\\cd\\ce\\cf"
	  "\\d0\\d1\\d2\\d3\\d4\\d5\\d6\\d7\\d8\\d9\\da\\db\\dc\\dd\\de\\df"
	  "\\e0\\e1\\e2\\e3\\e4\\e5\\e6\\e7\\e8\\e9\\ea\\eb\\ec\\ed\\ee\\ef"
	  "\\f0\\f1\\f2\\f3\\f4\\f5\\f6\\f7\\f8\\f9\\fa\\fb\\fc\\fd\\fe\\ff', "
	  "'constants': [True, False, None], 'dict': {'a': {'b': {}}}, 'empty': ['', ''], "
	  "'escapes': '\\5c ' \" \\09\\0d\\0a \\00 \\7f', 'list': [[], [[1], [2, 3]], ()], "
	  "'long': '" LONG_X LONG_X LONG_X LONG_X LONG_X LONG_X "', "
	  "'tuple': ((1), (1, 2), (1, 2, 3), (1, 2, 3, 4)), "
	  "'unicode': '\\ce\\94elta \\5c \\5cu0041 \\0a \\c3\\a9 \\f0\\9f\\90\\a7', "
	  "(1, 2): 'tuple key', 1: 'int key'}" },
	{ "ints",
	  "[0, 1, -1, 255, 256, 65535, 65536, 2147483647, 2147483648, -2147483648, -2147483649, "
	  "1099511627776, -1099511627776, 9223372036854775807, -9223372036854775808, 5, -5, 0, "
	  "128, -128, 4611686018427387904]" },
	{ "shared", "[" SHARED_LIST ", " SHARED_LIST ", {'k': " SHARED_LIST ", " SHARED_TEXT
		    ": " SHARED_TEXT "}]" },
};

static void test_fixtures(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fixtures) * COUNT(variants); i++) {
		const char *name = fixtures[i / COUNT(variants)].name;
		own(buf) struct buf b = {0};

		load(&b, name, variants[i % COUNT(variants)]);
		check_reads(name, b.data, b.len, fixtures[i / COUNT(variants)].expected);
	}
}

static void test_fixture_batches(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(variants); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		const struct value *v;
		struct err e = ERR_INIT;

		load(&b, "batches", variants[i]);
		v = pickle_read(&pool, b.data, b.len, &e);
		assert_non_null(v);
		assert_int_equal(value_len(v), 1200);
		for (size_t n = 0; n < 1200; n++)
			assert_int_equal(value_at(v, n)->num, n);
	}
}

static void test_fixtures_refused(void **state)
{
	static const char *const rows[][2] = {
		{ "bad-long", "not an integer of 64 bits" },
		{ "bad-float", "is not accepted" },
		{ "bad-class", "pickle: class posix.getcwd is not accepted" },
		{ "bad-cycle", "a value that contains itself" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows) * COUNT(variants); i++) {
		const char *const *row = rows[i / COUNT(variants)];
		own(buf) struct buf b = {0};

		load(&b, row[0], variants[i % COUNT(variants)]);
		check_refused(row[0], b.data, b.len, row[1]);
	}
}

/* No prefix of a document is one, and no changed byte does harm. */
static void test_damaged(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fixtures) * COUNT(variants); i++) {
		const char *name = fixtures[i / COUNT(variants)].name;
		own(buf) struct buf b = {0};

		load(&b, name, variants[i % COUNT(variants)]);
		for (size_t at = 0; at < b.len; at++) {
			own(value_pool) struct value_pool pool = {0};
			struct err e = ERR_INIT;

			check_refused(name, b.data, at, "");
			b.data[at] = (char)(b.data[at] ^ (1 << at % 8));
			if (!read_exact(&pool, b.data, b.len, &e))
				assert_int_equal(e.kind, ERR_PEER);
			b.data[at] = (char)(b.data[at] ^ (1 << at % 8));
		}
	}
}

/* Documents by hand */

static void test_accepted(void **state)
{
	static const struct {
		const char *data;
		size_t len;
		const char *expected;
	} rows[] = {
		{ BYTES("N."), "None" },
		{ BYTES("\x80\x02\x88."), "True" },
		{ BYTES("I00\n."), "False" },
		{ BYTES("I01\n."), "True" },
		{ BYTES("I1\n."), "1" },
		{ BYTES("I-2147483649\n."), "-2147483649" },
		{ BYTES("L-9223372036854775808L\n."), "-9223372036854775808" },
		{ BYTES("L5\n."), "5" },
		{ BYTES("J\xff\xff\xff\xff."), "-1" },
		{ BYTES("M\xff\xff."), "65535" },
		{ BYTES("\x8a\x00."), "0" },
		{ BYTES("\x8a\x01\xff."), "-1" },
		{ BYTES("\x8b\x02\x00\x00\x00\x00\x80."), "-32768" },
		{ BYTES("S'a\\\\b\\'\\x41\\1011\\0\\8\\q'\n."), "'a\\5cb'AA1\\00\\5c8\\5cq'" },
		{ BYTES("S\"it's\"\n."), "'it's'" },
		{ BYTES("Va\\u00e9\\\\u0041\\\\\\u0041\\x\xe9\\\n."),
		  "'a\\c3\\a9\\5c\\5cu0041\\5c\\5cA\\5cx\\c3\\a9\\5c'" },
		{ BYTES("V\\ud83d\\U0010ffff\n."), "'\\ed\\a0\\bd\\f4\\8f\\bf\\bf'" },
		{ BYTES("U\x03" "a\0b."), "'a\\00b'" },
		{ BYTES("NN0."), "None" },
		{ BYTES("N(0."), "None" },
		{ BYTES("N(NN1."), "None" },
		{ BYTES("(K\x01" "2t."), "(1, 1)" },
		{ BYTES("(]K\x01" "a2t."), "([1], [1])" },
		{ BYTES("}K\x01K\x02sK\x01K\x03s."), "{1: 2, 1: 3}" },
		{ BYTES("cexceptions\nKeyError\nq\x05K\x01\x85Rh\x05)R\x86."),
		  "(KeyError(1), KeyError())" },
		{ BYTES("cbuiltins\nOSError\n)R."), "OSError()" },
		{ BYTES("cnemu.iproute\nroute\n)\x81}b."), "route(){}" },
		{ BYTES("ccopy_reg\n_reconstructor\n(cnemu.iproute\nroute\nc__builtin__\nobject\n"
			"NtR}b."), "route(){}" },
		{ BYTES("ccopyreg\n_reconstructor\ncnemu.iproute\nroute\ncbuiltins\nobject\n"
			"N\x87q\x00R."), "route()" },
		{ BYTES("(cnemu.iproute\nroute\n)\x81}bq\x00h\x00t."), "(route(){}, route(){})" },
		{ BYTES("Np1048575\n0g1048575\n."), "None" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++)
		check_reads(rows[i].expected, rows[i].data, rows[i].len, rows[i].expected);
}

static const struct {
	const char *data;
	size_t len;
	const char *why;
} hostile[] = {
	{ BYTES(""), "it has no end" },
	{ BYTES("N"), "it has no end" },
	{ BYTES("."), "not one value" },
	{ BYTES("NN."), "not one value" },
	{ BYTES("N(."), "not one value" },
	{ BYTES("N.N"), "bytes behind the end" },
	{ BYTES("\x80\x03N."), "a protocol later than 2" },
	{ BYTES("\x80"), "a size runs past the end" },
	{ BYTES("\xff."), "opcode 0xff is not accepted" },
	{ BYTES("\0."), "opcode 0x00 is not accepted" },
	{ BYTES("F1.5\n."), "opcode 0x46 is not accepted" },
	{ BYTES("G\0\0\0\0\0\0\0\0."), "opcode 0x47 is not accepted" },
	{ BYTES("(inemu.iproute\nroute\n."), "opcode 0x69 is not accepted" },
	{ BYTES("Pid\n."), "opcode 0x50 is not accepted" },
	/* classes */
	{ BYTES("cos\nsystem\n(S'true'\ntR."), "pickle: class os.system is not accepted" },
	{ BYTES("c__builtin__\neval\n."), "class __builtin__.eval is not" },
	{ BYTES("cnemu.iproute\nos\n."), "class nemu.iproute.os is not" },
	{ BYTES("cnemu.iproute\nrout\n."), "class nemu.iproute.rout is not" },
	{ BYTES("cnemu.iproute\nroute\0\n."), "class nemu.iproute.route? is not" },
	{ BYTES("cos\0\nsys\x1b[2Jtem\n."), "class os?.sys?[2Jtem is not" },
	{ BYTES("cexceptions\n\n."), "class exceptions. is not" },
	{ BYTES("cexceptions\nWindowsError\n."), "class exceptions.WindowsError is not" },
	{ BYTES("cexceptions\nKeyError"), "a line runs past the end" },
	{ BYTES("cexceptions\nKeyError\n."), "not one value" },
	{ BYTES("cexceptions\nKeyError\n\x85."), "class KeyError is used as data" },
	{ BYTES("]cexceptions\nKeyError\na."), "class KeyError is used as data" },
	{ BYTES("}cexceptions\nKeyError\nNs."), "class KeyError is used as data" },
	{ BYTES("cnemu.iproute\nroute\n)\x81" "cnemu.iproute\nroute\nb."),
	  "class route is used as data" },
	{ BYTES("cnemu.iproute\nroute\nc__builtin__\nobject\nN\x87."), "not one value" },
	{ BYTES("cnemu.iproute\nroute\nc__builtin__\nobject\nN\x87\x85."),
	  "class route is used as data" },
	{ BYTES("c__builtin__\nobject\n)R."), "a call of what is no class" },
	{ BYTES("ccopy_reg\n_reconstructor\n)R."), "a call of what is no class" },
	{ BYTES("ccopy_reg\n_reconstructor\n(cexceptions\nKeyError\nc__builtin__\nobject\nNtR."),
	  "class KeyError is used as data" },
	{ BYTES("ccopy_reg\n_reconstructor\n(cnemu.iproute\nroute\nc__builtin__\nobject\n"
		"K\x01tR."), "class route is used as data" },
	{ BYTES("ccopy_reg\n_reconstructor\n(cnemu.iproute\nroute\nNNtR."),
	  "class route is used as data" },
	{ BYTES("N)R."), "a call of what is no class" },
	{ BYTES("cexceptions\nKeyError\nNR."), "a call of what is no class" },
	{ BYTES("cexceptions\nKeyError\n]\x81."), "a call of what is no class" },
	{ BYTES(")R."), "stack underflow" },
	{ BYTES("]}b."), "a state for what has none" },
	{ BYTES("cexceptions\nKeyError\n)RNb."), "a state that is no dict" },
	{ BYTES("cexceptions\nKeyError\n)R}b}b."), "a state for what has none" },
	/* stack */
	{ BYTES("0."), "stack underflow" },
	{ BYTES("1."), "no mark" },
	{ BYTES("2."), "stack underflow" },
	{ BYTES("N(2."), "stack underflow" },
	{ BYTES("t."), "no mark" },
	{ BYTES("l."), "no mark" },
	{ BYTES("e."), "no mark" },
	{ BYTES("(e."), "stack underflow" },
	{ BYTES("Na."), "stack underflow" },
	{ BYTES("NNa."), "an item for what cannot hold it" },
	{ BYTES(")Na."), "an item for what cannot hold it" },
	{ BYTES("]NNs."), "an item for what cannot hold it" },
	{ BYTES("}Na."), "an item for what cannot hold it" },
	{ BYTES("](Na."), "stack underflow" },
	{ BYTES("]((Ne."), "stack underflow" },
	{ BYTES("N\x86."), "stack underflow" },
	{ BYTES("N(N\x86."), "stack underflow" },
	{ BYTES("cexceptions\nKeyError\nN\x87."), "stack underflow" },
	{ BYTES("}(Nu."), "a key without a value" },
	{ BYTES("(Nd."), "a key without a value" },
	/* memo */
	{ BYTES("h\0."), "nothing at that memo index" },
	{ BYTES("Nq\x01h\0."), "nothing at that memo index" },
	{ BYTES("q\0."), "stack underflow" },
	{ BYTES("N(q\0."), "stack underflow" },
	{ BYTES("g-1\n."), "a memo index out of range" },
	{ BYTES("Np1048576\n."), "a memo index out of range" },
	{ BYTES("Nr\xff\xff\xff\xff."), "a memo index out of range" },
	{ BYTES("j\0\0\x10\0."), "a memo index out of range" },
	{ BYTES("g99999999999999999999\n."), "not an integer of 64 bits" },
	{ BYTES("]q\0h\0a."), "a value that contains itself" },
	{ BYTES("]q\0(h\0e."), "a value that contains itself" },
	{ BYTES("}q\0Nh\0s."), "a value that contains itself" },
	{ BYTES("cnemu.iproute\nroute\n)\x81q\0}Nh\0sb."), "a value that contains itself" },
	/* scalars */
	{ BYTES("I\n."), "not an integer" },
	{ BYTES("I1L\n."), "not an integer" },
	{ BYTES("I 1\n."), "not an integer" },
	{ BYTES("I1\0\n."), "not an integer" },
	{ BYTES("I0x10\n."), "not an integer" },
	{ BYTES("LL\n."), "not an integer" },
	{ BYTES("L9223372036854775808L\n."), "not an integer of 64 bits" },
	{ BYTES("L1111111111111111111111111111111111111111111111111111L\n."), "not an integer" },
	{ BYTES("\x8a\x09\0\0\0\0\0\0\0\x80\0."), "not an integer of 64 bits" },
	{ BYTES("\x8b\xff\xff\xff\xff."), "a size runs past the end" },
	{ BYTES("\x8b\xff\xff\xff\x7f."), "a size runs past the end" },
	{ BYTES("J\0\0."), "a size runs past the end" },
	{ BYTES("U\x03" "a."), "a size runs past the end" },
	{ BYTES("T\xff\xff\xff\xff" "a."), "a size runs past the end" },
	{ BYTES("T\xff\xff\xff\x7f" "a."), "a size runs past the end" },
	{ BYTES("X\0\0\0\x80" "a."), "a size runs past the end" },
	{ BYTES("S\n."), "a string without quotes" },
	{ BYTES("S'\n."), "a string without quotes" },
	{ BYTES("Sabc\n."), "a string without quotes" },
	{ BYTES("S'abc\"\n."), "a string without quotes" },
	{ BYTES("S'abc\\'\n."), "a broken escape" },
	{ BYTES("S'\\x1'\n."), "a broken escape" },
	{ BYTES("S'\\xg0'\n."), "a broken escape" },
	{ BYTES("V\\u123\n."), "a broken escape" },
	{ BYTES("V\\U00110000\n."), "a broken escape" },
	{ BYTES("V\\U0000\n."), "a broken escape" },
};

static void test_hostile(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(hostile); i++)
		check_refused(hostile[i].data, hostile[i].data, hostile[i].len, hostile[i].why);
}

static void repeat(struct buf *b, const void *data, size_t len, size_t times)
{
	while (times--)
		buf_add(b, data, len);
}

/* Ways to nest, each with the levels that one repetition adds. */
static const struct {
	const char *open;
	size_t open_len;
	const char *close;
	size_t close_len, levels;
} nestings[] = {
	{ BYTES("("), BYTES("l"), 1 },
	{ BYTES("("), BYTES("t"), 1 },
	{ BYTES(""), BYTES("\x85"), 1 },
	{ BYTES("]"), BYTES("a"), 1 },
	{ BYTES("]("), BYTES("e"), 1 },
	{ BYTES("(K\0"), BYTES("d"), 1 },
	{ BYTES("}"), BYTES("Ns"), 1 },
	{ BYTES("}N"), BYTES("s"), 1 },
	{ BYTES("}(N"), BYTES("u"), 1 },
	{ BYTES(""), BYTES("\x85q\0" "0h\0"), 1 },
	{ BYTES("cexceptions\nKeyError\n("), BYTES("tR"), 2 },
	{ BYTES("cexceptions\nKeyError\n("), BYTES("tRq\0" "0h\0"), 2 },
	{ BYTES("cnemu.iproute\nroute\n"), BYTES("\x85\x81"), 2 },
	{ BYTES("cnemu.iproute\nroute\n)\x81}N"), BYTES("sb"), 2 },
};

static void test_levels(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(nestings); i++) {
		size_t times = 64 / nestings[i].levels;

		for (size_t more = 0; more < 2; more++) {
			own(value_pool) struct value_pool pool = {0};
			own(buf) struct buf b = {0};
			struct err e = ERR_INIT;

			repeat(&b, nestings[i].open, nestings[i].open_len, times + more);
			buf_addc(&b, 'N');
			repeat(&b, nestings[i].close, nestings[i].close_len, times + more);
			buf_addc(&b, '.');
			if (more)
				check_refused("nesting", b.data, b.len, "more than 64 levels");
			else if (!read_exact(&pool, b.data, b.len, &e))
				fail_msg("nesting %zu: %s", i, e.text);
		}
	}
}

/* 40 levels from the memo in 24 others are good, in 25 too many; a million much too many. */
static void test_levels_of_copies(void **state)
{
	static const struct {
		size_t outer;
		bool good;
	} rows[] = { { 24, true }, { 25, false }, { 1000000, false } };

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		struct err e = ERR_INIT;

		repeat(&b, BYTES("("), 40);
		repeat(&b, BYTES("l"), 40);
		buf_add(&b, BYTES("q\0" "0"));
		repeat(&b, BYTES("("), rows[i].outer);
		buf_add(&b, BYTES("h\0"));
		repeat(&b, BYTES("l"), rows[i].outer);
		buf_addc(&b, '.');
		if (!rows[i].good)
			check_refused("copies", b.data, b.len, "more than 64 levels");
		else if (!read_exact(&pool, b.data, b.len, &e))
			fail_msg("copies: %s", e.text);
	}
}

static void test_sharing_is_bounded(void **state)
{
	static const char *const laughs[] = { "l", "t", "d" };

	(void)state;
	for (size_t i = 0; i < COUNT(laughs); i++) {
		own(buf) struct buf b = {0};

		buf_add(&b, BYTES("(NNNNNNNNNN"));
		for (int level = 0; level < 30; level++) {
			buf_addf(&b, "%sp0\n0(", laughs[i]);
			repeat(&b, BYTES("g0\n"), 10);
		}
		buf_adds(&b, "l.");
		check_refused(laughs[i], b.data, b.len, "too much is used more than once");
	}
}

static void test_some_sharing_is_good(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct err e = ERR_INIT;
	const struct value *v;

	(void)state;
	buf_adds(&b, "((");
	repeat(&b, BYTES("N"), 900);
	buf_adds(&b, "lp0\n");
	repeat(&b, BYTES("g0\n"), 1000);
	buf_adds(&b, "l.");
	v = pickle_read(&pool, b.data, b.len, &e);
	assert_int_equal(value_len(v), 1001);
	assert_int_equal(value_len(value_at(v, 1000)), 900);
	assert_ptr_not_equal(value_at(v, 0), value_at(v, 1000));
}

static void test_floods(void **state)
{
	static const char *const floods[] = { "(", "2" };

	(void)state;
	for (size_t i = 0; i < COUNT(floods); i++) {
		own(buf) struct buf b = {0};

		buf_addc(&b, 'N');
		repeat(&b, floods[i], 1, 5000000);
		buf_addc(&b, '.');
		check_refused(floods[i], b.data, b.len, "stack overflow");
	}
}

/* Were a pair looked for before it is added, this would take hours. */
static void test_million_keys(void **state)
{
	static const struct {
		const char *open, *pair, *close;
	} rows[] = { { "}(", "N", "u." }, { "}", "Ns", "." }, { "(", "N", "d." } };

	(void)state;
	alarm(120);
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0};
		struct err e = ERR_INIT;

		buf_adds(&b, rows[i].open);
		for (uint32_t key = 0; key < 1000000; key++) {
			buf_addc(&b, 'J');
			buf_add(&b, &key, 4);
			buf_adds(&b, rows[i].pair);
		}
		buf_adds(&b, rows[i].close);
		assert_int_equal(value_len(pickle_read(&pool, b.data, b.len, &e)), 1000000);
	}
	alarm(0);
}

/* Writer */

static void test_ints_written(void **state)
{
	static const struct {
		int64_t num;
		const char *data;
		size_t len;
	} rows[] = {
		{ 0, BYTES("K\0") },
		{ 255, BYTES("K\xff") },
		{ 256, BYTES("M\0\x01") },
		{ 65535, BYTES("M\xff\xff") },
		{ 65536, BYTES("J\0\0\x01\0") },
		{ -1, BYTES("J\xff\xff\xff\xff") },
		{ INT32_MAX, BYTES("J\xff\xff\xff\x7f") },
		{ INT32_MIN, BYTES("J\0\0\0\x80") },
		{ INT32_MAX + INT64_C(1), BYTES("\x8a\x05\0\0\0\x80\0") },
		{ INT32_MIN - INT64_C(1), BYTES("\x8a\x05\xff\xff\xff\x7f\xff") },
		{ INT64_C(0x7fffffffff), BYTES("\x8a\x05\xff\xff\xff\xff\x7f") },
		{ INT64_C(0x8000000000), BYTES("\x8a\x06\0\0\0\0\x80\0") },
		{ -INT64_C(0x8000000000), BYTES("\x8a\x05\0\0\0\0\x80") },
		{ INT64_MAX, BYTES("\x8a\x08\xff\xff\xff\xff\xff\xff\xff\x7f") },
		{ INT64_MIN, BYTES("\x8a\x08\0\0\0\0\0\0\0\x80") },
	};

	(void)state;
	for (size_t i = 0; i < COUNT(rows); i++) {
		own(buf) struct buf b = {0};

		pickle_int(&b, rows[i].num);
		assert_int_equal(b.len, rows[i].len);
		assert_memory_equal(b.data, rows[i].data, b.len);
	}
}

static void test_strings_written(void **state)
{
	own(mem) char *text = calloc(1, 257);
	own(buf) struct buf b = {0};

	(void)state;
	memset(text, 'x', 256);
	pickle_str(&b, "");
	pickle_str(&b, NULL);
	assert_memory_equal(b.data, "U\0N", 3);
	pickle_bytes(&b, text, 255);
	assert_memory_equal(b.data + 3, "U\xffx", 3);
	assert_int_equal(b.len, 3 + 257);
	pickle_bytes(&b, text, 256);
	assert_memory_equal(b.data + 260, "T\0\x01\0\0x", 6);
	assert_int_equal(b.len, 260 + 261);
}

static void test_objects_written(void **state)
{
	static const char expected[] = "\x80\x02](cnemu.iproute\nroute\n)\x81}(U\x01" "aNub"
				       "cexceptions\nKeyError\n(K\x07tR}(U\x01" "b\x88ub}(ue.";
	own(buf) struct buf b = {0};

	(void)state;
	pickle_start(&b);
	pickle_list(&b);
	pickle_object(&b, "nemu.iproute", "route");
	pickle_str(&b, "a");
	pickle_none(&b);
	pickle_object_end(&b);
	pickle_exception(&b, "KeyError");
	pickle_int(&b, 7);
	pickle_exception_state(&b);
	pickle_str(&b, "b");
	pickle_bool(&b, 2);
	pickle_object_end(&b);
	pickle_dict(&b);
	pickle_dict_end(&b);
	pickle_list_end(&b);
	pickle_stop(&b);
	assert_int_equal(b.len, sizeof(expected) - 1);
	assert_memory_equal(b.data, expected, b.len);
	check_reads("objects", b.data, b.len, "[route(){'a': None}, KeyError(7){'b': True}, {}]");
}

/* What was read is written and reads as the same, but for objects. */
static void test_round_trip(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT(fixtures); i++) {
		const char *expected = fixtures[i].expected;
		own(value_pool) struct value_pool pool = {0};
		own(buf) struct buf b = {0}, again = {0};
		const struct value *v;
		struct err e = ERR_INIT;

		load(&b, fixtures[i].name, "c2");
		v = pickle_read(&pool, b.data, b.len, &e);
		pickle_start(&again);
		pickle_value(&again, v);
		pickle_stop(&again);
		assert_false(again.failed);
		if (!strstr(expected, "){") && !strstr(expected, "Error("))
			check_reads("again", again.data, again.len, expected);
	}
}

static void test_written_by_hand(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	own(buf) struct buf b = {0};
	struct value *list = value_new(&pool, V_LIST);
	struct err e = ERR_INIT;
	const struct value *v;

	(void)state;
	for (int i = 0; i < 2500; i++)
		assert_true(value_append(&pool, list, value_int(&pool, i)));
	value_append(&pool, list, value_new(&pool, V_OBJECT));
	pickle_value(&b, list);
	pickle_stop(&b);
	v = pickle_read(&pool, b.data, b.len, &e);
	assert_int_equal(value_len(v), 2501);
	assert_int_equal(value_at(v, 2499)->num, 2499);
	assert_int_equal(value_at(v, 2500)->type, V_NONE);
}

static void test_too_deep_to_write(void **state)
{
	own(value_pool) struct value_pool pool = {0};
	struct value *v = value_new(&pool, V_LIST), *outer;

	(void)state;
	for (int levels = 1; levels <= 66; levels++) {
		own(buf) struct buf b = {0};

		pickle_value(&b, v);
		assert_int_equal(b.failed, levels > 64);
		outer = value_new(&pool, V_LIST);
		assert_true(value_append(&pool, outer, v));
		v = outer;
	}
}

/* Values */

static void test_value_put(void **state)
{
	own(value_pool) struct value_pool p = {0};
	struct value *d = value_new(&p, V_DICT);

	(void)state;
	assert_true(value_set(&p, d, "a", value_int(&p, 1)));
	assert_true(value_set(&p, d, "b", value_cstr(&p, "two")));
	assert_true(value_set(&p, d, "a", value_int(&p, 3)));
	assert_true(value_put(&p, d, value_int(&p, 5), value_bool(&p, true)));
	assert_true(value_put(&p, d, value_int(&p, 5), value_bool(&p, false)));
	assert_true(value_set(&p, d, "none", value_cstr(&p, NULL)));
	assert_int_equal(value_len(d), 4);
	assert_int_equal(value_num(d, "a", -1), 3);
	assert_string_equal(value_text(d, "b", "?"), "two");
	assert_string_equal(value_text(d, "a", "?"), "?");
	assert_int_equal(value_num(d, "b", -1), -1);
	assert_int_equal(value_num(d, "none", -1), -1);
	assert_int_equal(value_get(d, "none")->type, V_NONE);
	assert_null(value_get(d, "c"));
	/* A pickle may say a key twice: the last counts. */
	value_append(&p, d, value_cstr(&p, "b"));
	value_append(&p, d, value_cstr(&p, "three"));
	assert_string_equal(value_text(d, "b", "?"), "three");
}

static void test_value_items(void **state)
{
	own(value_pool) struct value_pool p = {0};
	struct value *dict = value_new(&p, V_DICT), *list = value_new(&p, V_LIST);

	(void)state;
	assert_true(value_append(&p, list, value_int(&p, 1)));
	assert_true(value_append(&p, list, value_cstr(&p, "UP")));
	assert_true(value_set(&p, dict, "flags", list));
	assert_true(value_put(&p, dict, value_int(&p, 5), value_cstr(&p, "five")));
	assert_ptr_equal(value_at(list, 1), list->items[1]);
	assert_null(value_at(list, 2));
	assert_ptr_equal(value_at(dict, 0), list);
	assert_string_equal(value_at(dict, 1)->str, "five");
	assert_null(value_at(dict, 2));
	assert_string_equal(value_key(dict, 0), "flags");
	assert_string_equal(value_key(dict, 1), "");
	assert_string_equal(value_key(dict, 2), "");
	assert_string_equal(value_key(list, 0), "");
	assert_true(value_has(dict, "flags", "UP"));
	assert_false(value_has(dict, "flags", "DOWN"));
	assert_false(value_has(dict, "other", "UP"));
	assert_false(value_has(list, "flags", "UP"));
	assert_true(value_set(&p, dict, "flags", value_cstr(&p, "UP")));
	assert_false(value_has(dict, "flags", "UP"));
	/* What should be a list may be a dict: as many items can be looked at as it has pairs. */
	list = value_new(&p, V_DICT);
	assert_true(value_set(&p, list, "UP", value_bool(&p, true)));
	assert_true(value_set(&p, dict, "flags", list));
	assert_false(value_has(dict, "flags", "UP"));
}

static void test_value_plain(void **state)
{
	own(value_pool) struct value_pool p = {0};
	struct value *dict = value_new(&p, V_DICT), *list = value_new(&p, V_LIST);

	(void)state;
	assert_true(value_append(&p, list, dict));
	assert_true(value_append(&p, list, value_new(&p, V_NONE)));
	assert_true(value_is_plain(list));
	assert_true(value_set(&p, dict, "a", value_int(&p, 1)));
	assert_true(value_is_plain(list));
	assert_false(value_is_plain(value_new(&p, V_OBJECT)));
	assert_false(value_is_plain(NULL));
	assert_true(value_set(&p, dict, "a", value_new(&p, V_OBJECT)));
	assert_false(value_is_plain(list));
	assert_true(value_set(&p, dict, "a", value_new(&p, V_TUPLE)));
	assert_true(value_is_plain(list));
	assert_true(value_put(&p, dict, value_int(&p, 1), value_int(&p, 1)));
	assert_false(value_is_plain(list));
}

static void test_value_wrong_use(void **state)
{
	own(value_pool) struct value_pool p = {0};
	struct value *list = value_new(&p, V_LIST), *num = value_int(&p, 1);

	(void)state;
	assert_false(value_append(&p, list, NULL));
	assert_false(value_append(&p, NULL, num));
	assert_false(value_append(&p, num, num));
	assert_false(value_put(&p, list, num, num));
	assert_false(value_set(&p, value_new(&p, V_DICT), "a", NULL));
	assert_null(value_get(NULL, "a"));
	assert_null(value_get(list, "a"));
	assert_null(value_at(NULL, 0));
	assert_null(value_at(num, 0));
	assert_null(value_at(list, 0));
	assert_int_equal(value_len(NULL), 0);
	assert_int_equal(value_len(num), 0);
	assert_int_equal(value_num(NULL, "a", 7), 7);
	assert_null(value_text(NULL, "a", NULL));
	assert_int_equal(value_len(value_new(&p, V_OBJECT)->args), 0);
	assert_string_equal(value_new(&p, V_STR)->str, "");
}

static void test_value_limit(void **state)
{
	own(value_pool) struct value_pool p = {0};
	struct value *list = value_new(&p, V_LIST);

	(void)state;
	assert_non_null(value_int(&p, 1));
	assert_null(value_str(&p, "", SIZE_MAX));
	assert_null(value_str(&p, "", (size_t)257 << 20));
	p.used = ((size_t)256 << 20) - 8;
	assert_null(value_int(&p, 1));
	assert_null(value_new(&p, V_OBJECT));
	assert_null(value_cstr(&p, "x"));
	assert_false(value_append(&p, list, list));
	value_pool_free(&p);
	assert_int_equal(p.used, 0);
	assert_non_null(value_int(&p, 1));
}

/* Chunks: small and large by turns, every byte kept. */
static void test_value_storage(void **state)
{
	own(value_pool) struct value_pool p = {0};
	own(mem) char *text = calloc(1, 100000);
	struct value *list = value_new(&p, V_LIST);

	(void)state;
	for (int i = 0; i < 200; i++) {
		memset(text, i, 100000);
		value_append(&p, list, value_str(&p, text, (size_t)(i % 3 ? i : i * 500)));
	}
	for (int i = 0; i < 200; i++) {
		const struct value *v = value_at(list, (size_t)i);

		assert_int_equal(v->len, i % 3 ? i : i * 500);
		assert_int_equal((uintptr_t)v % 8, 0);
		memset(text, i, 100000);
		assert_memory_equal(v->str, text, v->len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_fixtures),
		cmocka_unit_test(test_fixture_batches),
		cmocka_unit_test(test_fixtures_refused),
		cmocka_unit_test(test_damaged),
		cmocka_unit_test(test_accepted),
		cmocka_unit_test(test_hostile),
		cmocka_unit_test(test_levels),
		cmocka_unit_test(test_levels_of_copies),
		cmocka_unit_test(test_sharing_is_bounded),
		cmocka_unit_test(test_some_sharing_is_good),
		cmocka_unit_test(test_floods),
		cmocka_unit_test(test_million_keys),
		cmocka_unit_test(test_ints_written),
		cmocka_unit_test(test_strings_written),
		cmocka_unit_test(test_objects_written),
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_written_by_hand),
		cmocka_unit_test(test_too_deep_to_write),
		cmocka_unit_test(test_value_put),
		cmocka_unit_test(test_value_items),
		cmocka_unit_test(test_value_plain),
		cmocka_unit_test(test_value_wrong_use),
		cmocka_unit_test(test_value_limit),
		cmocka_unit_test(test_value_storage),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
