/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_AIX_H
#define KSI_LOCK_AIX_H

#include "lock/owner.h"

/*
 * Locks of AIX. Words, waiting and waking are those of lock/rw.h with base 0: waiting
 * writers in order of priority, who is woken competes, waiters lend their priority.
 * What each call does is said in the headers of AIX. Locks are not NULL here, but where
 * said; sites are as in diag/slots.h.
 */

/* Flags of lockl and e_sleep_thread, values of <sys/lockl.h> and <sys/sleep.h>. */
enum {
    KSI_LOCKL_NDELAY = 1,
    KSI_LOCKL_SIGRET = 2,
    KSI_LOCKL_SIGWAKE = 4,
    KSI_SLEEP_HANDLER = 0x10,
    KSI_SLEEP_SIMPLE = 0x20,
    KSI_SLEEP_READ = 64,
    KSI_SLEEP_WRITE = 128
};

/* Results of lockl, values of <sys/lockl.h>. */
enum { KSI_LOCKL_SUCC = 0, KSI_LOCKL_NEST = 1, KSI_LOCKL_SIG = 2, KSI_LOCKL_FAIL = -1 };

/* --- simple.c ----------------------------------------------------------------------- */

extern const struct ksi_rw_class ksi_simple_class;

/* Priorities are levels here; level before, also if refused. */
unsigned ksi_disable_lock(ksi_word *word, unsigned level, const void *site);
void ksi_unlock_enable(ksi_word *word, unsigned level, const void *site);
bool ksi_simple_try(ksi_word *word, const void *site);

/* --- lockl.c ------------------------------------------------------------------------ */

/* One of KSI_LOCKL_SUCC ...; KSI_LOCKL_SIG for LOCK_SIGWAKE, too. */
int ksi_lockl(ksi_word *word, int flags, const void *site);
void ksi_unlockl(ksi_word *word, const void *site);
bool ksi_lockl_mine(const ksi_word *word);

/* --- complex.c ---------------------------------------------------------------------- */

/* Laid out as the lock of <sys/lock_def.h>. depth and recursive belong to the writer. */
struct ksi_complex {
    ksi_word word;
    uint32_t depth; /* nested holds beside the first */
    uint32_t recursive;
    uint64_t reserved[2];
};

enum ksi_upgrade { KSI_UPGRADED, KSI_UPGRADE_FAILED, KSI_UPGRADE_REFUSED };

void ksi_complex_init(struct ksi_complex *l, const void *site);
void ksi_complex_read(struct ksi_complex *l, const void *site);
bool ksi_complex_try_read(struct ksi_complex *l, const void *site);
void ksi_complex_write(struct ksi_complex *l, const void *site);
bool ksi_complex_try_write(struct ksi_complex *l, const void *site);
void ksi_complex_done(struct ksi_complex *l, const void *site);
/* drop: a failed one gives the share back. */
enum ksi_upgrade ksi_complex_upgrade(struct ksi_complex *l, bool drop, const void *site);
void ksi_complex_downgrade(struct ksi_complex *l, const void *site);
void ksi_complex_set_recursive(struct ksi_complex *l, bool on, const void *site);
bool ksi_complex_held(const struct ksi_complex *l);

/* --- drw.c -------------------------------------------------------------------------- */

void ksi_drw_init(ksi_word *word, const void *site);
void ksi_drw_read(ksi_word *word, const void *site);
bool ksi_drw_write(ksi_word *word, bool try_only, const void *site);
void ksi_drw_done(ksi_word *word, const void *site);
bool ksi_drw_upgrade(ksi_word *word, bool drop, const void *site);
void ksi_drw_downgrade(ksi_word *word, const void *site);
bool ksi_drw_held(const ksi_word *word);

/* --- event sleeps: aix_sleep.c ------------------------------------------------------ */

/* For e_sleep_thread: the caller holds the lock as one of KSI_SLEEP_* says; else a
 * violation. */
bool ksi_aix_may_drop(void *lock, int flags, const char *call, const void *site);
/* Gives it back, after that. */
void ksi_aix_drop(void *lock, int flags, const char *call, const void *site);
/* Takes it again in the same mode; LOCK_HANDLER spinning, at the caller's level. */
void ksi_aix_retake(void *lock, int flags, const void *site);

#endif
