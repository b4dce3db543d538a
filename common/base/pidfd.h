/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Descriptors of processes (pidfd_open(2)), for C libraries that do not have them yet. */
#ifndef BASE_PIDFD_H
#define BASE_PIDFD_H

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The caller's to close, close-on-exec; -1 and errno. */
static inline int open_pidfd(pid_t pid)
{
	return (int)syscall(SYS_pidfd_open, pid, 0);
}

/* 0, or -1 and errno. */
static inline int signal_pidfd(int pidfd, int signal)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, signal, NULL, 0);
}

#endif
