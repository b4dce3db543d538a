/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Users by name or number. The name service is asked through getent(1): it may need shared
 * libraries, which a static program cannot load, and time, for which only a child may wait. Without
 * getent, /etc/passwd and /etc/group are read.
 */
#ifndef KERNEL_USERS_H
#define KERNEL_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define USER_GROUPS_MAX 1024

struct user {
	uid_t uid;
	gid_t gid;
	char *name, *home, *shell; /* user_free's; nobody frees them who is to execute a program */
	gid_t groups[USER_GROUPS_MAX];
	size_t group_count;
};

/* For the child between fork and exec. 0; 1: there is no such user; -1: errno. */
__attribute__((warn_unused_result)) int user_find(const char *name, struct user *u);
void user_free(struct user *u);

#endif
