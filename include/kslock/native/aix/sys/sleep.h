/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_SLEEP_H
#define KSLOCK_AIX_SYS_SLEEP_H

/*
 * Waiting for events (aix.md T26, T64, T75 to T85). An event is known by the address of
 * its word. It is not sticky: a wake-up without a sleeper is lost (T75); only those of
 * et_post are kept (T83). Waits promote nobody (T64) and are not ended by
 * ksl_thread_unblock. All waits are legal with interrupts masked; interrupts are open
 * while the caller sleeps, and masked again on return.
 *
 * Signals are put off while the caller holds any lock of AIX: then they end no wait.
 * A signal that ends a wait stays pending.
 */

#include <sys/lockl.h>
#include <sys/types.h>

#include <kslock/base.h>

KSL_BEGIN_DECLS

/*
 * What an event word is before the first wait and whenever nobody waits (T78). The word
 * belongs to these services: it counts those who wait.
 */
#define EVENT_NULL KSL_CAST(tid_t, 0)

/* flags of e_sleep_thread: how lock_word is held, exactly one with a lock ... */
#define LOCK_HANDLER 0x10 /* simple lock, by disable_lock */
#define LOCK_SIMPLE 0x20  /* simple lock, by simple_lock */
#define LOCK_READ 64      /* complex lock; these two are spelled as in <fcntl.h> */
#define LOCK_WRITE 128
/* ... and signals end the wait. */
#define INTERRUPTIBLE 0x100

/* Results of e_sleep_thread and e_block_thread. */
#define THREAD_AWAKENED 1
#define THREAD_TIMED_OUT 2
#define THREAD_INTERRUPTED 3
#define THREAD_OTHER 4096 /* and above: the program's own */

/* flags of e_sleep, e_sleepl, et_wait; EVENT_SIGRET counts if both are there */
#define EVENT_SHORT 0       /* signals do not end the wait */
#define EVENT_SIGRET 0x200  /* a signal ends the wait: EVENT_SIG */
#define EVENT_SIGWAKE 0x400 /* a signal ends the wait: the latest setjmpx returns */

/* Their results. */
#define EVENT_SUCC 0
#define EVENT_SIG (-1) /* of et_wait: (unsigned long)EVENT_SIG */

/* What setjmpx returns when a signal ends an et_wait with EVENT_SIGWAKE. */
#define EXSIG 1024

/* The caller's thread id; -1 in an interrupt handler. Context: any. */
KSL_API tid_t thread_self(void) KSL_SYMBOL(ksl_aix_thread_self);

/*
 * The signal that is delivered to the caller next, which is no longer pending then; 0 if
 * there is none or the caller holds a lock (T66); -EPERM if refused. Context: thread.
 * Violations: `bad-argument` in a handler.
 */
KSL_API int sig_chk(void) KSL_SYMBOL(ksl_aix_sig_chk);

/*
 * Waits for event_word. With a lock: that is given back once the caller is queued, and
 * taken again in the same mode before it returns, whatever ended the wait (T81, T26). A
 * signal that came while only this lock was held ends the wait, too (T69).
 * Context: thread; may sleep.
 * Returns THREAD_AWAKENED, the result that a waker has given, or THREAD_INTERRUPTED for a
 * signal; -EPERM if refused. Violations: `irq-sleep`; `bad-argument` for NULL, unknown
 * flags, a lock without exactly one kind flag, a kind flag without a lock; `not-owner`,
 * `not-locked` if the caller does not hold the lock so.
 */
KSL_API int e_sleep_thread(tid_t *event_word, void *lock_word, int flags)
    KSL_SYMBOL(ksl_aix_e_sleep_thread);

/*
 * e_assert_wait queues the caller for event_word; e_block_thread waits if nobody has
 * woken it since (T76), and returns as e_sleep_thread. Locks may be given back in
 * between (T77). A second e_assert_wait replaces the first.
 * Context: thread; e_block_thread may sleep. Violations: `irq-sleep`; `bad-argument` for
 * NULL, and for e_block_thread without e_assert_wait.
 */
KSL_API void e_assert_wait(tid_t *event_word, boolean_t interruptible)
    KSL_SYMBOL(ksl_aix_e_assert_wait);
KSL_API int e_block_thread(void) KSL_SYMBOL(ksl_aix_e_block_thread);

/*
 * Ends the wait of thread tid for an event word, with that result. Without effect if it
 * does not wait for one now (T80). Context: any.
 * Violations: `bad-argument` for a result that is none of THREAD_*.
 */
KSL_API void e_clear_wait(tid_t tid, int result) KSL_SYMBOL(ksl_aix_e_clear_wait);

/*
 * Wake all who wait for event_word and set it to EVENT_NULL (T78); e_wakeup_w_result with
 * that result, but THREAD_INTERRUPTED for those who are interruptible and have a signal
 * when they wake (T79). Context: any.
 * Violations: `bad-argument` for NULL or a result that is none of THREAD_*.
 */
KSL_API void e_wakeup(tid_t *event_word) KSL_SYMBOL(ksl_aix_e_wakeup);
KSL_API void e_wakeup_w_result(tid_t *event_word, int result)
    KSL_SYMBOL(ksl_aix_e_wakeup_w_result);

/* Wakes the most favoured of them only (T78). Context: any. Violations: as e_wakeup. */
KSL_API void e_wakeup_one(tid_t *event_word) KSL_SYMBOL(ksl_aix_e_wakeup_one);

/*
 * Posts the signal (1 to 64) to each of them whose wait signals may end, and to no other
 * (T85). Context: any. Violations: `bad-argument` for NULL or another number.
 */
KSL_API void e_wakeup_w_sig(tid_t *event_word, int sig)
    KSL_SYMBOL(ksl_aix_e_wakeup_w_sig);

/*
 * Waits for event_word. Context: thread; may sleep.
 * Returns EVENT_SUCC; EVENT_SIG with EVENT_SIGRET; -EPERM if refused. With EVENT_SIGWAKE
 * the latest setjmpx returns EINTR. Violations: `irq-sleep`; `bad-argument` for NULL,
 * unknown flags, and a signal with EVENT_SIGWAKE but no saved context.
 */
KSL_API int e_sleep(tid_t *event_word, int flags) KSL_SYMBOL(ksl_aix_e_sleep);

/*
 * The same with a lockl lock, which is given back for the wait and taken again before
 * the call ends in any way (T82). Violations: also `not-owner`, `not-locked`.
 */
KSL_API int e_sleepl(lock_t *lock_word, tid_t *event_word, int flags)
    KSL_SYMBOL(ksl_aix_e_sleepl);

/*
 * Waits until at least one event of wait_mask was posted to the caller by et_post. All
 * events of clear_mask are no longer posted then, the others stay (T83).
 * Context: thread; may sleep.
 * Returns the posted events of wait_mask; (unsigned long)EVENT_SIG with EVENT_SIGRET, and
 * no event is posted any more then (T84); 0 if refused. With EVENT_SIGWAKE the latest
 * setjmpx returns EXSIG. Violations: as e_sleep.
 */
KSL_API unsigned long et_wait(unsigned long wait_mask, unsigned long clear_mask,
                              int flags) KSL_SYMBOL(ksl_aix_et_wait);

/*
 * Posts events to thread tid, which keeps them (T83). Without effect if there is no such
 * thread. Context: any.
 */
KSL_API void et_post(unsigned long events, tid_t tid) KSL_SYMBOL(ksl_aix_et_post);

KSL_END_DECLS

#endif
