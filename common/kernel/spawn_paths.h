/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Where a program is looked for: private to spawn.c and spawn_shared.c. */
#ifndef KERNEL_SPAWN_PATHS_H
#define KERNEL_SPAWN_PATHS_H

/* The paths to try, in this order, NULL behind the last: name itself if it has a slash, else in the folders of
 * the PATH of env; of several the first, as getenv(3) has it, and /bin and /usr/bin without one. One block, the
 * caller's to free. NULL: no memory. */
char **spawn_paths(const char *name, char *const *env);

#endif
