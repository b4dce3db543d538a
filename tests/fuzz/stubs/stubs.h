/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands under the server in the place of common/kernel: see network.c and processes.c. */
#ifndef FUZZ_STUBS_H
#define FUZZ_STUBS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

/* Before each input, and after it: nothing may be left. */
void stubs_begin(void);
void stubs_end(void);
/* The same of processes.c alone. */
void stubs_begin_processes(void);
void stubs_end_processes(void);

/* The n-th call from now on fails, how is chosen by what. */
void stubs_fail(unsigned int n, uint8_t what);
/* In a stub: is it this one? -1: yes. */
int stubs_fails(struct err *e);

/* The which-th program that is starting has started, or fails with this step and errno. false: none. */
bool stubs_started(unsigned int which);
bool stubs_not_started(unsigned int which, int step, int errnum);

/* The which-th process ends with this wait status. false: none runs. */
bool stubs_process_ends(unsigned int which, int status);

/* SIGTERM ends processes; without, only SIGKILL. */
extern bool stubs_obey;

/* Those who asked are told of a change of the network. */
void stubs_change(void);

#endif
