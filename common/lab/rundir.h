/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The run directory: $NEMU_RUNDIR, else /run/nemu for root, else $XDG_RUNTIME_DIR/nemu, else
 * /tmp/nemu-UID. A lab is a folder in it, a node a socket in that; what else a node keeps stands
 * in .NODE beside its socket. All access goes by descriptors, so that the length of the path
 * does not matter and what was checked is what is used.
 */
#ifndef LAB_RUNDIR_H
#define LAB_RUNDIR_H

#include <stdbool.h>

#include "base/err.h"

/* Puts its path into $NEMU_RUNDIR: for a process that is to change its user. */
void rundir_pin(void);
/* The same, where programs of a node would not find it by themselves: an ordinary user is root in there. */
void rundir_pin_for_programs(void);

/* Opens a lab's folder, which must be the caller's with mode 0700, in a run directory that is the caller's and
 * writable by nobody else; with create, makes both, and what is missing above them. -1: error, ERR_ABSENT if it is
 * not there. */
__attribute__((warn_unused_result)) int rundir_open_lab(const char *lab, bool create,
							struct err *e);

/* The same, and locks it: who holds the lock may bind and unlink sockets in it. The lock ends
 * with rundir_unlock, or when every process that has the descriptor has closed it. */
__attribute__((warn_unused_result)) int rundir_lock_lab(const char *lab, bool create,
							struct err *e);
void rundir_unlock(int lab_fd);
/* Locks a folder that was opened before. False: it could not be, or the lab is gone meanwhile. */
bool rundir_lock(int lab_fd);

/* With the lock held: removes what a dead node has left. */
void rundir_remove_node(int lab_fd, const char *name);

/* Names of all labs, as rundir_names gives them; none if there is no run directory. NULL: error. */
char **rundir_labs(struct err *e);

/* With the lock held: removes the lab's folder if nothing but its hosts file is in it. */
void rundir_remove_lab(int lab_fd, const char *lab);

/* Binds a new stream socket to its place: ERR_REFUSED if the name is taken. */
__attribute__((warn_unused_result)) int rundir_bind(int lab_fd, const char *name, struct err *e);

/* Connects to a node. ERR_ABSENT: there is none, or its server is dead (*stale: its socket is
 * there). */
__attribute__((warn_unused_result)) int rundir_connect(int lab_fd, const char *name, bool *stale,
						       struct err *e);

/* Names in a folder that are valid names of labs or nodes, sorted; NULL-terminated. The caller
 * frees them with rundir_names_free. */
char **rundir_names(int dir_fd, struct err *e);
void rundir_names_free(char **names);

static inline void own_names(char ***names)
{
	rundir_names_free(*names);
}

#endif
