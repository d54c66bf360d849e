/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_EVL_FLAG_H
#define KSLOCK_EVL_FLAG_H

/*
 * EVL event flag: up or down; a wait that succeeds takes it down. Results, contexts and
 * order of waiters are those of <evl/sem.h>.
 */

#include <evl/sched.h>
#include <evl/timeout.h>

#include <kslock/base.h>

KSL_BEGIN_DECLS

struct evl_flag {
    uint64_t ksl_word; /* see src/lock/ksem.c */
};

/* clang-format off */
#define EVL_FLAG_INITIALIZER(name) { 0 }
#define DEFINE_EVL_FLAG(name) struct evl_flag name = EVL_FLAG_INITIALIZER(name)
/* clang-format on */

/* Why waits are ended by evl_flush_flag. */
#define EVL_T_TIMEO 0x00000001
#define EVL_T_RMID 0x00000002
#ifndef EVL_T_BREAK
#define EVL_T_BREAK 0x00000004
#endif

/* Makes wf a flag that is down; ends it, waiters get -EIDRM. Context: any. */
KSL_API void evl_init_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_init_flag);
KSL_API void evl_destroy_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_destroy_flag);

/*
 * Wait until the flag is up and take it down. timeout: EVL_REL a time, EVL_INFINITE for
 * no end; EVL_ABS a date; EVL_NONBLOCK: -EAGAIN. Context: any while the
 * flag is up; only out-of-band threads may wait (-EPERM and a `stage` report).
 * Returns as evl_down; -EPERM for another mode. Violations: `bad-argument` for that.
 */
KSL_API int evl_wait_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_wait_flag);
KSL_API int evl_wait_flag_timeout(struct evl_flag *wf, ktime_t timeout,
                                  enum evl_tmode mode)
    KSL_SYMBOL(ksl_evl_wait_flag_timeout);

/* Up, down; all waiters of this moment return 0, and the flag stays. Context: any. */
KSL_API void evl_raise_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_raise_flag);
KSL_API void evl_clear_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_clear_flag);
KSL_API void evl_pulse_flag(struct evl_flag *wf) KSL_SYMBOL(ksl_evl_pulse_flag);

/*
 * Ends all waits of this moment: -ETIMEDOUT, -EIDRM or -EINTR for EVL_T_TIMEO, _RMID,
 * _BREAK. Context: any. Violations: `bad-argument` for another reason.
 */
KSL_API void evl_flush_flag(struct evl_flag *wf, int reason)
    KSL_SYMBOL(ksl_evl_flush_flag);

KSL_END_DECLS

#endif
