/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Passing descriptors (wire.md section 4). */
#ifndef WIRE_PASSFD_H
#define WIRE_PASSFD_H

#include <stddef.h>
#include <sys/types.h>

/*
 * Reads at most len bytes of payload and whatever descriptors come with them, without
 * blocking if flags has MSG_DONTWAIT. Returns the bytes read, 0 at the end of the stream, -1 with
 * errno. *fd: the only descriptor that came (close-on-exec, the caller's), else -1; *count: how
 * many came, all closed unless it is 1.
 */
ssize_t passfd_recv(int sock, void *payload, size_t len, int flags, int *fd, size_t *count);

/* Sends payload with one descriptor; flags 0 or MSG_DONTWAIT. 0, or -1 with errno. */
__attribute__((warn_unused_result)) int passfd_send(int sock, const void *payload, size_t len,
						    int fd, int flags);

#endif
