/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the parts of lab save have in common: lab_save.c writes of nodes, routes and processes,
 * lab_save_if.c of interfaces and links, lab_save_addr.c of addresses. */
#ifndef APPLETS_LAB_SAVE_H
#define APPLETS_LAB_SAVE_H

#include "base/net.h"
#include "lab.h"

/* A text of a dict, "" if it has none; whether it is this one. */
static inline const char *str(const struct value *d, const char *key)
{
	return value_text(d, key, "");
}

static inline bool is(const struct value *d, const char *key, const char *text)
{
	return !strcmp(str(d, key), text);
}

/* The first as it is, then words, quoted where sh needs it. */
void save_put(const char *first, ...) __attribute__((sentinel));
#define PUT(...) save_put(__VA_ARGS__, (char *)NULL)

/* "# ..." on one line, whatever it is that the kernel and programs have told. */
void save_comment(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* " WORD VALUE", if the dict has it. */
void save_number(const char *word, const struct value *d, const char *key);
void save_text(const char *word, const struct value *d, const char *key);

/* An interface of a node. */
struct item {
	const char *node;
	const struct value *d, *of; /* the interface; its node */
	const char *kind;
	bool uplink; /* "if uplink" makes it, with an address and the default route */
	bool made; /* an earlier line makes it */
	bool said; /* and one has its attributes */
};

struct items {
	struct item *v;
	size_t n;
};

/* Whether an interface of this name is made by the script. */
bool save_makes(const struct items *all, const char *node, const char *ifname);

/* The link-layer address that it began with, if it was made by a command that chose none. buf, of LLADDR_TEXT. */
const char *save_fresh_address(const char *lab, const struct item *x, char *buf);

void save_addresses(const char *lab, const struct item *x);

/* All lines for interfaces, links and addresses of a model (lab/model.h). What they are is for the caller to
 * free. */
__attribute__((warn_unused_result)) int save_interfaces(const struct value *model, struct items *all,
							struct err *e);

#endif
