/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What processes of the node print: a file each in the lab's folder, which clients read (lab/log.h) and which
 * goes when the process is forgotten. */
#ifndef SERVER_LOG_H
#define SERVER_LOG_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"

struct server;

/* For a process that has yet to start: a new file in place of those of descriptors 1 and 2 that are -1. They are
 * the caller's. 1, or 0 where none is. */
__attribute__((warn_unused_result)) int log_begin(const struct server *s, int *fds, struct err *e);

/* It has started. false: its file is lost. */
bool log_name(const struct server *s, pid_t pid);
void log_remove(const struct server *s, pid_t pid);

#endif
