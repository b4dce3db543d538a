/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The hosts file of a lab (hosts(5)), which all its nodes see as /etc/hosts: each node keeps its own
 * lines in it, which are marked, and leaves all others as they are. It is changed in place, as what is
 * mounted is the file and not its name; a line that is no longer meant becomes a comment, to be used
 * again. Nobody waits for anybody: lines are appended, or overwritten by who owns them.
 */
#ifndef BASE_HOSTS_H
#define BASE_HOSTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HOSTS_NONE SIZE_MAX
#define HOSTS_FILE ".hosts" /* in the lab's folder */

/* The file, for reading, made if it is not there. The caller's to close. -1: errno. */
int hosts_open(int lab_fd);

/* A node has n addresses more; one less (NULL: none any more). *next: where add looks for lines that can
 * be used again, no further than a few lines behind the last; HOSTS_NONE: there is none. What fails here is lost:
 * names are a help, and nothing depends on them. */
void hosts_add(int lab_fd, const char *node, char *const *addresses, size_t n, size_t *next);
void hosts_del(int lab_fd, const char *node, const char *address);

/* It has these and no other. */
void hosts_set(int lab_fd, const char *node, char *const *addresses, size_t n, size_t *next);

#endif
