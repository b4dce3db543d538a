/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The values of base/net.h out of attributes. */
#ifndef KERNEL_VALUES_H
#define KERNEL_VALUES_H

#include <netlink/attr.h>
#include <string.h>

#include "base/net.h"

/* None, if there is no attribute, or none of that family. */
static inline struct inaddr value_inaddr(int family, const struct nlattr *attr)
{
	struct inaddr a = {0};

	if (!attr || nla_len(attr) != (int)inaddr_len(family))
		return a;
	a.family = family;
	memcpy(a.bytes, nla_data(attr), inaddr_len(family));
	return a;
}

/* None, if there is no attribute, or a longer one. */
static inline struct lladdr value_lladdr(const struct nlattr *attr)
{
	struct lladdr a = {0};

	if (!attr || nla_len(attr) > (int)sizeof(a.bytes))
		return a;
	a.len = (unsigned char)nla_len(attr);
	memcpy(a.bytes, nla_data(attr), a.len);
	return a;
}

#endif
