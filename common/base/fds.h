/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Closing many descriptors, where close_range(2) cannot, too. */
#ifndef BASE_FDS_H
#define BASE_FDS_H

#include <limits.h>
#include <unistd.h>

/* So many are closed, or marked close-on-exec, one by one where close_range(2) cannot do it at once, before Linux
 * 5.9 and 5.11, and in containers that refuse what they do not know. */
#define FDS_SEEN 1024

/* From the one to the other. */
static inline void close_fds(int first, int last)
{
	if (first > last || !close_range((unsigned int)first, (unsigned int)last, 0))
		return;
	for (int fd = first; fd <= last && fd < FDS_SEEN; fd++)
		close(fd);
}

/* All others: what a process has of its parent's. */
static inline void close_fds_from(int first)
{
	close_fds(first, INT_MAX);
}

#endif
