/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_AIX_SYS_TYPES_H
#define KSLOCK_AIX_SYS_TYPES_H

/*
 * AIX's <sys/types.h>: the host's, and the types that the kernel services of the other
 * headers take; and saved contexts. T numbers are the statements of aix.md.
 */

#ifdef __GNUC__
#pragma GCC system_header /* for the next line, an extension */
#endif
#include_next <sys/types.h>

#include <kslock/base.h>

#include <setjmp.h>
#include <stdint.h>

KSL_BEGIN_DECLS

/* Kernel thread id: the value of ksl_thread_id(). Also the type of an event word. */
typedef int tid_t;

typedef int boolean_t;
#ifndef TRUE
#define TRUE 1
#endif
#ifndef FALSE
#define FALSE 0
#endif

/* A saved context. It must stay until it was jumped to or cleared. */
typedef struct ksl_aix_label {
    struct ksl_aix_label *ksl_next; /* the context saved before */
    uint32_t ksl_level;             /* interrupt level to go back to */
    uint32_t ksl_depth;             /* nesting of interrupt handlers */
    uint32_t ksl_kernel_lock;       /* kernel_lock was owned */
    uint32_t ksl_reserved;
    jmp_buf ksl_env;
} label_t;

/* For setjmpx only: saves all but the registers, and returns where these go. */
KSL_API jmp_buf *ksl_aix_save_context(label_t *jb);

/*
 * int setjmpx(label_t *jb): saves the context of the caller, on top of those that the
 * thread has saved before. Context: any. Returns 0; when longjmpx, or a signal that ends
 * a wait with *_SIGWAKE, comes back to it: the value of that, never 0 (T8, T27).
 * The function that called it must not have returned by then.
 */
#define setjmpx(jb) _setjmp(*ksl_aix_save_context(jb))

/*
 * Goes back to the latest saved context, which is taken off: its setjmpx returns val, or
 * EINTR if val is 0. The interrupt priority is that of setjmpx again; kernel_lock is
 * taken again if it was owned then; other locks stay as they are (T27).
 * Context: any. Does not return; -EPERM if refused.
 * Violations: `bad-argument` without a saved context, and in a handler for one that was
 * saved outside of it.
 */
KSL_API int longjmpx(int val) KSL_SYMBOL(ksl_aix_longjmpx);

/*
 * Takes jb, the latest saved context, off. Context: any.
 * Violations: `bad-argument` for any other.
 */
KSL_API void clrjmpx(label_t *jb) KSL_SYMBOL(ksl_aix_clrjmpx);

KSL_END_DECLS

#endif
