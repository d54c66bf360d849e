/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_IRQ_H
#define KSLOCK_IRQ_H

#include <kslock/base.h>
#include <kslock/inline_irq.h>
#include <kslock/stage.h>
#include <kslock/thread.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/*
 * Simulated interrupts. Each thread is a CPU: its mask concerns it alone and
 * is a store to its own memory. A masked interrupt stays in the thread's
 * log and runs when the mask is lifted, most urgent first, lowest number
 * among equals; repeats collapse.
 */
enum {
    KSL_IRQ_COUNT = 64, /* interrupts 0..63 */
    KSL_IRQ_LEVELS = 12 /* level 0 = all open ... 11 = all masked */
};

/*
 * Runs on the interrupted thread, level raised to its own, stage set to its
 * own; must not sleep. On return level, stall bit and stage are as before. It must not
 * fork either, as in any signal handler: its own thread may be where fork has to wait.
 */
typedef void (*ksl_irq_handler)(int irq, void *arg);

/*
 * Installs fn for irq on a stage (D3) at level 1..11, larger is more urgent.
 * Context: any; never sleeps.
 * Returns 0, -EBUSY if irq has a handler, -EINVAL for a bad value.
 */
KSL_API int ksl_irq_request(int irq, ksl_stage stage, int level, ksl_irq_handler fn,
                            void *arg);

/*
 * Removes the handler, stops its timer and forgets what is pending of it.
 * Context: thread; waits until no handler of irq runs any more on any thread.
 * Returns 0, -ENOENT if there is none, -EINVAL, -EDEADLK in its own handler, -EPERM
 * if refused. Violations: `irq-sleep` in the handler of another interrupt.
 */
KSL_API int ksl_irq_free(int irq);

/*
 * Raises irq on some thread that may take it now, the caller included; it
 * is held until there is one (D3, D4). A thread that keeps the host's real-time
 * signals blocked takes interrupts only where it unmasks or sleeps in a wait of
 * this library. Context: any; never sleeps.
 * Returns 0 (also when held back), -EINVAL, -ENOENT.
 */
KSL_API int ksl_irq_raise(int irq);

/*
 * Raises irq on t. Raised on oneself with interrupts open, the handler
 * has run on return. Context: any; never sleeps.
 * Returns 0 (also when t masks it), -EINVAL, -ENOENT, -ESRCH.
 */
KSL_API int ksl_irq_raise_on(ksl_thread *t, int irq);

/*
 * Raises irq first_ns nanoseconds from now, then every period_ns nanoseconds (0:
 * once). first_ns 0 stops it. Timers do not survive fork in the child.
 * Context: any; the first call of the process from a thread. Returns 0, -EINVAL, -ENOENT,
 * -EAGAIN if no thread for the timers can be had.
 */
KSL_API int ksl_irq_timer(int irq, uint64_t first_ns, uint64_t period_ns);

/*
 * Masks all interrupts of the caller (U1). Context: any.
 * Returns the previous state for ksl_irq_restore.
 */
KSL_API unsigned ksl_irq_save(void);

/*
 * Brings back a state of ksl_irq_save and plays what became open (U2).
 * Context: any. A value above 11 is `bad-argument`.
 */
KSL_API void ksl_irq_restore(unsigned state);

/*
 * Sets the caller's level 0..11 and plays what became open. Context: any.
 * Returns the previous level. A level above 11 is `bad-argument` and
 * changes nothing.
 */
KSL_API unsigned ksl_irq_set_level(unsigned level);

/* True at level 0 with the in-band stage not stalled. Context: any. */
KSL_API bool ksl_irq_enabled(void);

/* True in a handler of either stage (U6). Context: any. */
KSL_API bool ksl_irq_in_handler(void);

/*
 * Dovetail's virtual disable (D1): in-band handlers wait, oob handlers do
 * not. Context: any. Returns the previous stall bit.
 */
KSL_API unsigned ksl_irq_stall_inband(void);

/* Brings back a stall bit; plays what became open (D6). Context: any. */
KSL_API void ksl_irq_restore_inband(unsigned state);

#if defined(KSL_INLINES)
KSL_API unsigned ksl_irq_save_called(void) KSL_CALLED(ksl_irq_save);
KSL_API void ksl_irq_restore_called(unsigned state) KSL_CALLED(ksl_irq_restore);
KSL_API unsigned ksl_irq_set_level_called(unsigned level) KSL_CALLED(ksl_irq_set_level);
KSL_API bool ksl_irq_enabled_called(void) KSL_CALLED(ksl_irq_enabled);

KSL_INLINE unsigned ksl_irq_save(void)
{
    struct ksl_front *f = ksl_front_of_caller();
    return __builtin_expect(f != KSL_NULL, 1) ? ksl_mask_fast(f) : ksl_irq_save_called();
}

KSL_INLINE void ksl_irq_restore(unsigned state)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f != KSL_NULL && state <= KSL_MASK_ALL, 1))
        ksl_unmask_fast(f, state);
    else
        ksl_irq_restore_called(state);
}

KSL_INLINE unsigned ksl_irq_set_level(unsigned level)
{
    struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL || level > KSL_MASK_ALL, 0))
        return ksl_irq_set_level_called(level);
    uint32_t before = ksl_level_of(f);
    if (__builtin_constant_p(level) && level == KSL_MASK_ALL)
        ksl_level_set(f, level); /* nothing is open then */
    else
        ksl_unmask_fast(f, level);
    return before;
}

KSL_INLINE bool ksl_irq_enabled(void)
{
    const struct ksl_front *f = ksl_front_of_caller();
    if (__builtin_expect(f == KSL_NULL, 0))
        return ksl_irq_enabled_called();
    return (ksl_level_of(f) | __atomic_load_n(&f->stalled, __ATOMIC_RELAXED)) == 0;
}
#endif

KSL_END_DECLS

#endif
