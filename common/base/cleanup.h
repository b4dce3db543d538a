/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Cleanup by type: own(fd), own(buf) ... declare a local which is released when it goes out of
 * scope. Initialise it where it is declared. Cleanups keep errno.
 */
#ifndef BASE_CLEANUP_H
#define BASE_CLEANUP_H

#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#define own(type) __attribute__((cleanup(own_##type)))

static inline void own_fd(const int *fd)
{
	int saved = errno;

	if (*fd >= 0)
		close(*fd);
	errno = saved;
}

/* For any pointer from malloc. */
static inline void own_mem(void *p)
{
	int saved = errno;

	free(*(void **)p);
	errno = saved;
}

static inline void own_dir(DIR **d)
{
	int saved = errno;

	if (*d)
		closedir(*d);
	errno = saved;
}

/* Takes the descriptor out of its owner, which then has nothing to close. */
static inline int steal_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

/* Closes what the variable holds, if anything, and marks it empty. */
static inline void drop_fd(int *fd)
{
	own_fd(fd);
	*fd = -1;
}

#endif
