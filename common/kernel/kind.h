/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What interfaces of one kind have beyond what all have: a vlan's id, a bridge's timers. One
 * table tells each one's word (on the command line and on the wire), its place in netlink and its
 * key in "ip -j -d link".
 */
#ifndef KERNEL_KIND_H
#define KERNEL_KIND_H

#include "base/err.h"
#include "base/net.h"

struct nl_msg;
struct nlattr;

enum kind_form {
	KIND_BOOL,    /* 0 or 1; in JSON a number, as from ip(8) */
	KIND_TRUTH,   /* the same, in JSON true or false */
	KIND_NUMBER,
	KIND_CLOCK,   /* milliseconds; in the kernel and in JSON hundredths of a second */
	KIND_NAME,    /* one of names */
	KIND_ADDRESS, /* IPv4 or IPv6, under attr or attr6 */
	KIND_LINK,    /* the index of another interface; in JSON its name */
};

struct kind_name {
	const char *name; /* NULL: the end */
	int64_t num;
};

struct kind_word {
	const char *kind, *word; /* word NULL: it can only be read */
	const char *json, *json6;
	enum kind_form form;
	unsigned char size; /* of the number in netlink: 1, 2, 4 bytes */
	bool big_endian;
	unsigned short attr, attr6; /* in IFLA_INFO_DATA */
	const struct kind_name *names;
};

/* Adds a word's value, as text in the units above, to values. ERR_VALUE: this kind has no such
 * word, or the value is none. */
__attribute__((warn_unused_result)) int kind_parse(struct kind_values *values, const char *kind,
						   const char *word, const char *text,
						   struct err *e);

/* Appends IFLA_LINKINFO. -1: no room. */
__attribute__((warn_unused_result)) int kind_put(struct nl_msg *msg, const char *kind,
						 const struct kind_values *values);

/* Reads IFLA_INFO_DATA. */
void kind_read(struct kind_values *values, const char *kind, struct nlattr *data);

/* The name of a number of form KIND_NAME; NULL: it has none. */
const char *kind_name_of(const struct kind_word *w, int64_t num);

/* Of wanted, what differs from now, and the values in now of what wanted names. */
void kind_difference(struct kind_values *wanted, const struct kind_values *now);
struct kind_values kind_former(const struct kind_values *wanted, const struct kind_values *now);

#endif
