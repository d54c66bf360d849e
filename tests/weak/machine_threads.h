/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEAK_MACHINE_THREADS_H
#define WEAK_MACHINE_THREADS_H

#include "machine.h"

/* What the files of the machine share. */

enum { MACHINE_THREADS = 3 };
enum machine_wakeup { MACHINE_WOKEN, MACHINE_TIMED_OUT, MACHINE_INTERRUPTED };

struct machine_budget {
    unsigned switches, stale, surprises;
};
extern struct machine_budget machine_budget; /* left of this execution */

unsigned machine_self(void);
/* Before a step that others can see: another thread may go first. */
void machine_step(void);
/* A step before which nobody goes first. */
void machine_count_step(void);
/* The caller has stored something: who yielded looks again. */
void machine_stored(void);
enum machine_wakeup machine_sleep(uintptr_t on, bool timed);
void machine_wake_one(uintptr_t on);

void machine_memory_begin(void);

/* machine_places.c. Another scenario begins; an execution begins. */
void machine_places_restart(void);
void machine_places_begin(void);
/* This execution has shown what the choices of all depend on: the search begins anew. */
bool machine_places_learned(void);
/* More than one thread uses it, as far as was known when this execution began. */
bool machine_is_shared(uintptr_t at);
/*
 * True if the caller has looked there so often, and done nothing else, that there is no
 * need for another choice: it reads the last store, and goes on.
 */
bool machine_looks_again(uintptr_t at, uintptr_t site);
void machine_note_site(uintptr_t site, int op, int order);

#endif
