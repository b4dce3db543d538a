/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Files of processes in /proc: see procfile.h. */
#include "base/procfile.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>

#include "base/cleanup.h"

size_t procfile_read(pid_t pid, const char *file, char *text, size_t size)
{
	char path[64];
	own(fd) int fd = -1;
	ssize_t n;

	snprintf(path, sizeof(path), "/proc/%d/%s", (int)pid, file);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = fd < 0 ? 0 : read(fd, text, size - 1);
	text[n < 0 ? 0 : n] = '\0';
	return n < 0 ? 0 : (size_t)n;
}

bool procfile_is_called(pid_t pid, const char *name)
{
	char comm[32];
	size_t len = procfile_read(pid, "comm", comm, sizeof(comm));

	if (len)
		comm[len - 1] = '\0'; /* a newline */
	return len && !strcmp(comm, name);
}
