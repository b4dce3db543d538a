/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What interfaces of one kind have: see kind.h. */
#include "kernel/kind.h"

#include <arpa/inet.h>
#include <linux/if_link.h>
#include <linux/if_tun.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "base/num.h"

static const struct kind_name tun_types[] = { { "tun", IFF_TUN }, { "tap", IFF_TAP }, { 0 } };
static const struct kind_name macvlan_modes[] = { { "private", MACVLAN_MODE_PRIVATE },
						  { "vepa", MACVLAN_MODE_VEPA },
						  { "bridge", MACVLAN_MODE_BRIDGE },
						  { "passthru", MACVLAN_MODE_PASSTHRU },
						  { "source", MACVLAN_MODE_SOURCE },
						  { 0 } };

#define NUM(kind, word, json, size, attr) \
	{ kind, word, json, NULL, KIND_NUMBER, size, false, attr, 0, NULL }
#define CLOCK(word, json, attr) { "bridge", word, json, NULL, KIND_CLOCK, 4, false, attr, 0, NULL }
#define TUN(json, attr) { "tun", NULL, json, NULL, KIND_TRUTH, 1, false, attr, 0, NULL }

static const struct kind_word words[] = {
	{ "bridge", "stp", "stp_state", NULL, KIND_BOOL, 4, false, IFLA_BR_STP_STATE, 0, NULL },
	CLOCK("forward-delay", "forward_delay", IFLA_BR_FORWARD_DELAY),
	CLOCK("hello", "hello_time", IFLA_BR_HELLO_TIME),
	CLOCK("ageing", "ageing_time", IFLA_BR_AGEING_TIME),
	CLOCK("max-age", "max_age", IFLA_BR_MAX_AGE),
	{ "bridge", "vlan-filtering", "vlan_filtering", NULL, KIND_BOOL, 1, false,
	  IFLA_BR_VLAN_FILTERING, 0, NULL },
	NUM("vlan", "id", "id", 2, IFLA_VLAN_ID),
	NUM("vxlan", "id", "id", 4, IFLA_VXLAN_ID),
	{ "vxlan", "remote", "remote", "remote6", KIND_ADDRESS, 0, false, IFLA_VXLAN_GROUP,
	  IFLA_VXLAN_GROUP6, NULL },
	{ "vxlan", "local", "local", "local6", KIND_ADDRESS, 0, false, IFLA_VXLAN_LOCAL,
	  IFLA_VXLAN_LOCAL6, NULL },
	{ "vxlan", "dstport", "port", NULL, KIND_NUMBER, 2, true, IFLA_VXLAN_PORT, 0, NULL },
	{ "vxlan", "link", "link", NULL, KIND_LINK, 4, false, IFLA_VXLAN_LINK, 0, NULL },
	{ "macvlan", "mode", "mode", NULL, KIND_NAME, 4, false, IFLA_MACVLAN_MODE, 0,
	  macvlan_modes },
	{ "macvtap", "mode", "mode", NULL, KIND_NAME, 4, false, IFLA_MACVLAN_MODE, 0,
	  macvlan_modes },
	NUM("vrf", "table", "table", 4, IFLA_VRF_TABLE),
	{ "tun", NULL, "type", NULL, KIND_NAME, 1, false, IFLA_TUN_TYPE, 0, tun_types },
	TUN("pi", IFLA_TUN_PI),
	TUN("vnet_hdr", IFLA_TUN_VNET_HDR),
	TUN("multi_queue", IFLA_TUN_MULTI_QUEUE),
	TUN("persist", IFLA_TUN_PERSIST),
	NUM("tun", NULL, "uid", 4, IFLA_TUN_OWNER),
};

#define WORDS_COUNT (sizeof(words) / sizeof(*words))

const char *kind_name_of(const struct kind_word *w, int64_t num)
{
	for (const struct kind_name *n = w->names; n && n->name; n++)
		if (n->num == num)
			return n->name;
	return NULL;
}

static bool parse_name(const struct kind_word *w, const char *text, int64_t *num)
{
	const struct kind_name *n = w->names;

	while (n->name && strcmp(n->name, text))
		n++;
	*num = n->num;
	return n->name != NULL;
}

static int not_valid(const struct kind_word *w, const char *text, struct err *e)
{
	char names[128] = "";
	int len = 0;

	for (const struct kind_name *n = w->names; n && n->name; n++)
		len += snprintf(names + len, sizeof(names) - (size_t)len, "%s%s", len ? ", " : " (",
				n->name);
	return err_set(e, ERR_VALUE, 0, "%s: not valid: %.60s%s%s", w->word, text, names,
		       len ? ")" : "");
}

static bool parse_value(const struct kind_word *w, const char *text, struct kind_value *v)
{
	int64_t max = w->form == KIND_BOOL ? 1 : (int64_t)(1ull << 8 * w->size) - 1; /* size is 0 to 4 */

	switch (w->form) {
	case KIND_ADDRESS:
		return inaddr_parse(text, &v->addr);
	case KIND_NAME:
		return parse_name(w, text, &v->num);
	case KIND_CLOCK:
		if (!num_parse(text, 0, max, &v->num) || (v->num && v->num < 10))
			return false;
		v->num = v->num / 10 * 10;
		return true;
	default:
		return num_parse(text, 0, max, &v->num);
	}
}

static struct kind_value *find(struct kind_values *values, const struct kind_word *w)
{
	for (size_t i = 0; i < values->n; i++)
		if (values->v[i].word == w)
			return &values->v[i];
	return NULL;
}

/* Where the value of a word is to go. NULL: no room. */
static struct kind_value *place(struct kind_values *values, const struct kind_word *w)
{
	struct kind_value *v = find(values, w);

	if (!v && values->n < KIND_VALUES_MAX)
		v = &values->v[values->n++];
	if (v)
		*v = (struct kind_value){ .word = w };
	return v;
}

int kind_parse(struct kind_values *values, const char *kind, const char *word, const char *text,
	       struct err *e)
{
	bool known = false;

	for (size_t i = 0; i < WORDS_COUNT; i++) {
		const struct kind_word *w = &words[i];
		struct kind_value v = { .word = w }, *to;

		if (!w->word || strcmp(w->word, word))
			continue;
		known = true;
		if (strcmp(w->kind, kind))
			continue;
		if (!parse_value(w, text, &v))
			return not_valid(w, text, e);
		to = place(values, w);
		if (!to)
			return err_nomem(e);
		*to = v;
		return 0;
	}
	return known ? err_set(e, ERR_VALUE, 0, "an interface of type %s has no %s",
			       *kind ? kind : "(none)", word)
		     : err_set(e, ERR_VALUE, 0, "%.40s: unknown attribute of an interface", word);
}

static int put_value(struct nl_msg *msg, const struct kind_value *v)
{
	const struct kind_word *w = v->word;
	uint64_t num = (uint64_t)(w->form == KIND_CLOCK ? v->num / 10 : v->num);
	bool v6 = v->addr.family == AF_INET6;

	if (w->form == KIND_ADDRESS)
		return nla_put(msg, v6 ? w->attr6 : w->attr, (int)inaddr_len(v->addr.family),
			       v->addr.bytes);
	if (w->size == 1)
		return nla_put_u8(msg, w->attr, (uint8_t)num);
	if (w->size == 2)
		return nla_put_u16(msg, w->attr, w->big_endian ? htons((uint16_t)num)
							       : (uint16_t)num);
	return nla_put_u32(msg, w->attr, (uint32_t)num);
}

int kind_put(struct nl_msg *msg, const char *kind, const struct kind_values *values)
{
	struct nlattr *info = nla_nest_start(msg, IFLA_LINKINFO), *data = NULL;

	if (!info || nla_put_string(msg, IFLA_INFO_KIND, kind) < 0)
		return -1;
	if (values->n) {
		data = nla_nest_start(msg, IFLA_INFO_DATA);
		if (!data)
			return -1;
		for (size_t i = 0; i < values->n; i++)
			if (put_value(msg, &values->v[i]) < 0)
				return -1;
		nla_nest_end(msg, data);
	}
	nla_nest_end(msg, info);
	return 0;
}

static void read_value(struct kind_values *values, const struct kind_word *w, struct nlattr **tb)
{
	struct nlattr *a = tb[w->attr];
	struct kind_value v = { .word = w }, *to;
	int len;

	if (!a && w->attr6)
		a = tb[w->attr6];
	len = a ? nla_len(a) : 0;
	if (w->form == KIND_ADDRESS && (len == 4 || len == 16)) {
		v.addr.family = len == 4 ? AF_INET : AF_INET6;
		memcpy(v.addr.bytes, nla_data(a), (size_t)len);
	} else if (w->form == KIND_ADDRESS || len < w->size) {
		return;
	} else if (w->size == 1) {
		v.num = nla_get_u8(a);
	} else if (w->size == 2) {
		v.num = w->big_endian ? ntohs(nla_get_u16(a)) : nla_get_u16(a);
	} else {
		v.num = nla_get_u32(a);
	}
	if (w->form == KIND_CLOCK)
		v.num *= 10;
	if (w->form == KIND_LINK && !v.num)
		return;
	to = place(values, w);
	if (to)
		*to = v;
}

void kind_read(struct kind_values *values, const char *kind, struct nlattr *data)
{
	struct nlattr *tb[64];
	bool parsed = false;

	for (size_t i = 0; i < WORDS_COUNT; i++) {
		if (strcmp(words[i].kind, kind))
			continue;
		if (!parsed && nla_parse_nested(tb, 63, data, NULL) < 0)
			return;
		parsed = true;
		read_value(values, &words[i], tb);
	}
}

static bool equal(const struct kind_value *a, const struct kind_value *b)
{
	return a->num == b->num && inaddr_equal(&a->addr, &b->addr);
}

void kind_difference(struct kind_values *wanted, const struct kind_values *now)
{
	size_t n = 0;

	for (size_t i = 0; i < wanted->n; i++) {
		const struct kind_value *v = find((struct kind_values *)(uintptr_t)now,
						  wanted->v[i].word);

		if (!v || !equal(v, &wanted->v[i]))
			wanted->v[n++] = wanted->v[i];
	}
	wanted->n = n;
}

struct kind_values kind_former(const struct kind_values *wanted, const struct kind_values *now)
{
	struct kind_values former = {0};

	for (size_t i = 0; i < wanted->n; i++) {
		const struct kind_value *v = find((struct kind_values *)(uintptr_t)now,
						  wanted->v[i].word);

		if (v)
			former.v[former.n++] = *v;
	}
	return former;
}
