/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Logs of processes: files that their node keeps. */
#ifndef LAB_LOG_H
#define LAB_LOG_H

#include <sys/types.h>

#include "base/err.h"

/* Opens a process's log for reading. ERR_ABSENT: it has none. With inotify (not NULL), also a
 * non-blocking descriptor that becomes readable when it grows. Both are the caller's. */
__attribute__((warn_unused_result)) int log_open(const char *lab, const char *node, pid_t pid,
						 int *inotify, struct err *e);

/* As read(2). A log that somebody has cut short meanwhile, as logs of long runs are, is read from its beginning. */
ssize_t log_read(int fd, void *block, size_t size);

/* Is it an extended regular expression? ERR_USAGE if not. */
__attribute__((warn_unused_result)) int log_check_regex(const char *text, struct err *e);

/* A search for a line that matches an extended regular expression; a last line without its
 * newline counts. */
struct log_search;
struct log_search *log_search_new(const char *lab, const char *node, pid_t pid, const char *regex,
				  int *inotify, struct err *e);
/* 1: found, now or before; 0: not yet; -1: error. */
__attribute__((warn_unused_result)) int log_search_look(struct log_search *s, struct err *e);
void log_search_free(struct log_search *s);

#endif
