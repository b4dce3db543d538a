/* SPDX-License-Identifier: GPL-2.0-or-later */
/* lab save: addresses of interfaces, but for those that the kernel makes by itself. */
#include <stdint.h>

#include "lab/uplink.h"
#include "lab_save.h"

/* Is it the link-local address that is made of this link-layer address (RFC 4291 appendix A)? */
static bool is_made_of(const struct inaddr *a, const char *lladdr)
{
	unsigned char made[16] = { 0xfe, 0x80 };
	struct lladdr mac;

	if (!lladdr || !lladdr_parse(lladdr, &mac) || mac.len != 6)
		return false;
	memcpy(made + 8, mac.bytes, 3);
	made[8] ^= 2;
	made[11] = 0xff;
	made[12] = 0xfe;
	memcpy(made + 13, mac.bytes + 3, 3);
	return !memcmp(a->bytes, made, sizeof(made));
}

/* Those that the kernel makes by itself, as it will again: of loopback; the link-local one of the link-layer
 * address, or of that which the interface began with. */
static bool is_kernels(const char *lab, const struct item *x, const struct inaddr *a, int prefix)
{
	static const unsigned char loopback4[] = { 127, 0, 0, 1 }, loopback6[16] = { [15] = 1 },
				   link_local[8] = { 0xfe, 0x80 };
	char fresh[LLADDR_TEXT];

	if (is(x->d, "ifname", "lo"))
		return a->family == AF_INET ? prefix == 8 && !memcmp(a->bytes, loopback4, 4)
					    : prefix == 128 && !memcmp(a->bytes, loopback6, 16);
	if (a->family != AF_INET6 || prefix != 64 || memcmp(a->bytes, link_local, 8))
		return false;
	return !strcmp(x->kind, "tun") || is_made_of(a, str(x->d, "address")) ||
	       is_made_of(a, save_fresh_address(lab, x, fresh));
}

/* What "addr add" would not make so. */
static void comment_on_address(const struct item *x, const struct value *a, const char *text)
{
	bool v4 = is(a, "family", "inet");
	const char *name = str(x->d, "ifname"), *label = str(a, "label"), *scope = str(a, "scope");
	static const char *const flags[] = { "noprefixroute", "mngtmpaddr", "home", "autojoin" };

	if (v4 && strcmp(scope, strncmp(text, "127.", 4) ? "global" : "host"))
		save_comment("not saved: %s:%s: scope %s of %s", x->node, name, scope, text);
	if (v4 && *label && strcmp(label, name))
		save_comment("not saved: %s:%s: label %s of %s", x->node, name, label, text);
	for (size_t i = 0; i < sizeof(flags) / sizeof(*flags); i++)
		if (value_get(a, flags[i]))
			save_comment("not saved: %s:%s: %s of %s", x->node, name, flags[i], text);
	if (value_num(a, "preferred_life_time", UINT32_MAX) != UINT32_MAX)
		save_comment("not saved: %s:%s: how long %s is preferred", x->node, name, text);
}

static void save_address(const char *lab, const struct item *x, const struct value *a)
{
	struct inaddr local, usual;
	char text[80], broadcast[INADDR_TEXT] = "";
	int prefix = (int)value_num(a, "prefixlen", 0);

	if (!inaddr_parse(str(a, "local"), &local) || is_kernels(lab, x, &local, prefix))
		return;
	snprintf(text, sizeof(text), "%s/%d", str(a, "local"), prefix);
	if (x->uplink && is(a, "local", UPLINK_ADDRESS))
		return;
	usual = inaddr_broadcast(&local, (unsigned char)prefix);
	if (usual.family)
		inaddr_text(&usual, broadcast);
	if (value_num(a, "valid_life_time", UINT32_MAX) != UINT32_MAX) {
		save_comment("not saved: %s:%s: address %s, for a time", x->node, str(x->d, "ifname"), text);
		return;
	}
	if (*str(a, "address")) {
		save_comment("not saved: %s:%s: address %s, with the far address %s", x->node,
			     str(x->d, "ifname"), text, str(a, "address"));
		return;
	}
	if (*broadcast && !*str(a, "broadcast"))
		save_comment("not saved: %s:%s: no broadcast address with %s", x->node,
			     str(x->d, "ifname"), text);
	comment_on_address(x, a, text);
	PUT("nemu addr", x->node, "add", text);
	if (*str(a, "broadcast") && strcmp(str(a, "broadcast"), broadcast))
		PUT("", "broadcast", str(a, "broadcast"));
	PUT("", "dev", str(x->d, "ifname"));
	putchar('\n');
}

/* In the order in which they were added: the kernel lists those of IPv4 so, and of IPv6 the newest first. */
void save_addresses(const char *lab, const struct item *x)
{
	const struct value *all = value_get(x->d, "addr_info");
	size_t n = value_len(all), v4 = 0;

	while (v4 < n && is(value_at(all, v4), "family", "inet"))
		save_address(lab, x, value_at(all, v4++));
	while (n > v4)
		save_address(lab, x, value_at(all, --n));
}
