/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of processes in /proc (proc(5)). */
#ifndef BASE_PROCFILE_H
#define BASE_PROCFILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* Reads one ("comm") into text, as far as there is room, with a NUL behind it. Its length; 0: it is empty, not for
 * this user, or the process has gone. */
size_t procfile_read(pid_t pid, const char *file, char *text, size_t size);

/* Does the process call itself so (PR_SET_NAME)? false, too, if it has gone. */
bool procfile_is_called(pid_t pid, const char *name);

#endif
