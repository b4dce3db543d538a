/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passing descriptors (wire.md section 4). */
#ifndef WIRE_PASSFD_H
#define WIRE_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads at most len bytes of payload and whatever descriptors come with them; flags 0 or
 * MSG_DONTWAIT, MSG_PEEK. Returns the bytes read, 0 at the end of the stream, -1 with errno.
 * *count: how many descriptors came; the first max of them are in fds (close-on-exec, the
 * caller's), the others are closed.
 */
ssize_t passfd_recv(int sock, void *payload, size_t len, int flags, int *fds, size_t max,
		    size_t *count);

/* Sends payload with n descriptors (at most 3); flags 0 or MSG_DONTWAIT. 0, or -1 with errno. */
__attribute__((warn_unused_result)) int passfd_send(int sock, const void *payload, size_t len,
						    const int *fds, size_t n, int flags);

#endif
