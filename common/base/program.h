/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Programs by their names, in the PATH of this process. */
#ifndef BASE_PROGRAM_H
#define BASE_PROGRAM_H

#include <stdbool.h>

/* Is there one of that name that may be executed? */
bool program_found(const char *name);

/* execvp(3), but as shells have it: a folder of the PATH that is closed to this user is not looked at. So
 * errno is EACCES (126) only where the program is what must not be executed, else ENOENT (127). Returns
 * only on failure. */
void program_exec(char *const *argv);

#endif
