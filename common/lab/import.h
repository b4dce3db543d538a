/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Interfaces of the caller's own network namespace. */
#ifndef LAB_IMPORT_H
#define LAB_IMPORT_H

#include <sys/types.h>

#include "base/err.h"

/* Moves one into the network namespace of a process. ERR_ABSENT: there is none of that name. */
__attribute__((warn_unused_result)) int import_interface(const char *name, pid_t pid,
							 struct err *e);

#endif
