/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Changes of interfaces, addresses, routes and neighbours, as the kernel tells of them. */
#ifndef KERNEL_MONITOR_H
#define KERNEL_MONITOR_H

#include <stdbool.h>

#include "base/err.h"

/* A non-blocking descriptor that becomes readable when something changes in the network
 * namespace where it was opened. The caller's to close. */
__attribute__((warn_unused_result)) int monitor_open(struct err *e);

/* The same for addresses alone, which hears nothing before monitor_addresses. Reads what was told of them:
 * is one among them that means something beyond its link? */
__attribute__((warn_unused_result)) int monitor_deaf(struct err *e);
__attribute__((warn_unused_result)) int monitor_addresses(int fd, struct err *e);
bool monitor_global(int fd);

/* The same for interfaces. Reads what was told of them, with fn for each that has gone, by its end or to elsewhere.
 * false: more was told than there was room for. */
__attribute__((warn_unused_result)) int monitor_links(struct err *e);
bool monitor_gone(int fd, void (*fn)(int index, void *arg), void *arg);

/* Drops what was told: that something has changed is all that matters. */
void monitor_drain(int fd);

#endif
