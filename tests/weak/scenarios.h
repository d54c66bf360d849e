/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef WEAK_SCENARIOS_H
#define WEAK_SCENARIOS_H

#include "weak.h"

#include <stdint.h>

/* What the scenarios have in common, and those that are not in scenarios.c. */

/* Not atomic: who is let in wrongly, or sees too little, races on it. */
extern int weak_shared;
void weak_change(void);
void weak_look(void);

/* Nobody holds it, and what its holders and waiters left behind is gone. */
void weak_expect_free(uintptr_t word, const volatile uintptr_t *at);

/* scenarios_stax.c: in-band threads look, those out-of-band change. */
void stax_setup(void);
void stax_setup_bias(void);
void stax_setup_raise(void);
void stax_inband(void);
void stax_inband_eighth(void);
void stax_inband_exits(void);
void stax_oob(void);
void stax_finish(void);

/* scenarios_turn.c: shares that become exclusive, and back */
void turn_setup(void);
void turn_setup_slots(void);
void turn_setup_bias(void);
void turn_setup_one_slot(void);
void turn_try(void);
void turn_wait(void);
void turn_read(void);
void turn_write(void);
void turn_after_other(void);
void turn_mutex_after_other(void);
void turn_write_other(void);
void turn_finish(void);

/* scenarios_spin.c */
void spin_setup(void);
void spin_thread(void);
void spin_slow_thread(void);
void spin_finish(void);
void rwlock_setup(void);
void rwlock_read(void);
void rwlock_read_slow(void);
void rwlock_write(void);
void rwlock_write_slow(void);
void rwlock_finish(void);

/* scenarios_readers.c */
void readers_setup(void);
void readers_read(void);
void readers_change(void);
void readers_finish(void);

/* scenarios_sleep.c */
void sleep_setup(void);
void sleep_on_queue(void);
void sleep_wake_queue(void);
void sleep_block(void);
void sleep_wake_thread(void);
void sleep_finish(void);

/* scenarios_event.c */
void event_setup(void);
void event_sleep(void);
void event_wake(void);
void event_wake_one(void);
void event_clear(void);
void event_sleep_bare(void);
void event_clear_bare(void);
void event_finish(void);
void events_wait(void);
void events_post(void);
void events_post_last(void);
void events_finish(void);

#endif
