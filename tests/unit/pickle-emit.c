/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Writes a pickle of each shape of wire.md section 5 to the standard output, one a line: its
 * name, a space, base64. For tests/unit/pickle-python.sh, which knows what each has to be.
 */
#include <errno.h>
#include <linux/rtnetlink.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/cleanup.h"
#include "base/net.h"
#include "wire/base64.h"
#include "wire/object.h"
#include "wire/pickle.h"

static const struct iface lo = {
	.index = 1,
	.name = "lo",
	.flags = IFF_UP | IFF_NOARP,
	.mtu = 65536,
	.lladdr.len = 6,
	.broadcast.len = 6,
};

static const struct iface eth0 = {
	.index = 70000,
	.name = "eth0",
	.flags = IFF_MULTICAST,
	.mtu = 1500,
	.lladdr = { 6, { 0x52, 0x54, 0, 0xab, 0xcd, 0xef } },
	.broadcast = { 6, { 255, 255, 255, 255, 255, 255 } },
};

static const struct iface tun0 = { .index = 300, .name = "tun0", .flags = IFF_UP, .mtu = 576 };

static void put_interface(struct buf *b)
{
	object_iface(b, &eth0);
}

static void put_interfaces(struct buf *b)
{
	const struct iface *const all[] = { &lo, &eth0, &tun0 };

	pickle_dict(b);
	for (size_t i = 0; i < 3; i++) {
		pickle_int(b, all[i]->index);
		object_iface(b, all[i]);
	}
	pickle_dict_end(b);
}

static void put_address(struct buf *b, const char *local, unsigned char prefix_len, bool broadcast)
{
	struct address a = { .prefix_len = prefix_len };

	if (!inaddr_parse(local, &a.local))
		return;
	if (broadcast)
		a.broadcast = inaddr_broadcast(&a.local, prefix_len);
	object_address(b, &a);
}

static void put_addresses(struct buf *b)
{
	pickle_dict(b);
	pickle_int(b, 1);
	pickle_list(b);
	put_address(b, "127.0.0.1", 8, false);
	put_address(b, "10.1.2.3", 24, true);
	put_address(b, "fe80::1", 64, false);
	pickle_list_end(b);
	pickle_int(b, 2);
	pickle_list(b);
	pickle_list_end(b);
	pickle_dict_end(b);
}

static void put_routes(struct buf *b)
{
	struct route gateway = { .type = RTN_UNICAST, .index = 2 };
	struct route link = { .type = RTN_BLACKHOLE, .prefix_len = 8, .metric = 4000000000 };

	if (!inaddr_parse("10.0.0.254", &gateway.gateway) || !inaddr_parse("fd00::", &link.dst))
		return;
	pickle_list(b);
	object_route(b, &gateway);
	object_route(b, &link);
	pickle_list_end(b);
}

static void put_ints(struct buf *b)
{
	pickle_list(b);
	for (int bit = 0; bit < 63; bit++)
		for (int64_t near = -1; near <= 1; near++) {
			pickle_int(b, (INT64_C(1) << bit) + near);
			pickle_int(b, -(INT64_C(1) << bit) + near);
		}
	pickle_int(b, INT64_MAX);
	pickle_int(b, INT64_MIN);
	pickle_list_end(b);
}

static void put_strings(struct buf *b)
{
	unsigned char bytes[256];

	for (int i = 0; i < 256; i++)
		bytes[i] = (unsigned char)i;
	pickle_list(b);
	for (size_t len = 254; len <= 256; len++)
		pickle_bytes(b, bytes, len);
	pickle_str(b, "");
	pickle_str(b, NULL);
	pickle_list_end(b);
}

static void put_tree(struct buf *b)
{
	own(value_pool) struct value_pool p = {0};
	struct value *dict = value_new(&p, V_DICT), *list = value_new(&p, V_LIST);
	struct value *tuple = value_new(&p, V_TUPLE), *deep = value_new(&p, V_TUPLE), *outer;

	for (int i = 0; i < 2500; i++)
		value_append(&p, list, value_int(&p, i));
	value_append(&p, tuple, value_bool(&p, true));
	value_append(&p, tuple, value_bool(&p, false));
	value_append(&p, tuple, value_cstr(&p, NULL));
	for (int i = 1; i < 63; i++) {
		outer = value_new(&p, V_TUPLE);
		value_append(&p, outer, deep);
		deep = outer;
	}
	value_set(&p, dict, "list", list);
	value_set(&p, dict, "tuple", tuple);
	value_set(&p, dict, "deep", deep);
	value_set(&p, dict, "empty", value_new(&p, V_DICT));
	pickle_value(b, dict);
}

static void put_many_keys(struct buf *b)
{
	own(value_pool) struct value_pool p = {0};
	struct value *dict = value_new(&p, V_DICT);

	for (int i = 0; i < 1500; i++)
		value_put(&p, dict, value_int(&p, i), value_int(&p, -i));
	pickle_value(b, dict);
}

static void print(const char *name, const struct buf *pickle)
{
	own(buf) struct buf text = {0};

	base64_encode(&text, pickle->data, pickle->len);
	printf("%s %s\n", name, buf_cstr(&text));
}

static void print_exception(const char *name, struct err e)
{
	own(buf) struct buf b = {0};

	object_exception(&b, &e);
	print(name, &b);
}

int main(void)
{
	static const struct {
		const char *name;
		void (*put)(struct buf *b);
	} documents[] = {
		{ "interface", put_interface }, { "interfaces", put_interfaces },
		{ "addresses", put_addresses }, { "routes", put_routes },
		{ "ints", put_ints },		{ "strings", put_strings },
		{ "tree", put_tree },		{ "many-keys", put_many_keys },
		{ "none", pickle_none },
	};

	for (size_t i = 0; i < sizeof(documents) / sizeof(*documents); i++) {
		own(buf) struct buf b = {0};

		pickle_start(&b);
		documents[i].put(&b);
		pickle_stop(&b);
		print(documents[i].name, &b);
	}
	print_exception("oserror", (struct err){ .kind = ERR_OS, .errnum = ENOENT, .step = "cwd",
						 .text = "no \"such\" directory" });
	print_exception("keyerror", (struct err){ .kind = ERR_ABSENT, .key = 7, .text = "7" });
	print_exception("valueerror", (struct err){ .kind = ERR_VALUE, .text = "no such user" });
	print_exception("runtimeerror", (struct err){ .kind = ERR_KERNEL, .errnum = EOPNOTSUPP,
						      .text = "refused" });
	return fflush(stdout) ? 1 : 0;
}
