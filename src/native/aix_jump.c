/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * AIX: saved contexts. Each thread has a stack of them, linked through the program's
 * own label_t. Handlers put theirs on top of those of the thread that they interrupt,
 * and take them off again.
 */

#include "native/aix_jump.h"

#include "diag/violation.h"
#include "lock/aix.h"
#include "platform/testing.h"
#include "thread/irq.h"

#include <sys/lockl.h>
#include <sys/sleep.h>
#include <sys/types.h>

#include <kslock/signal.h>

#include <errno.h>

static void refuse(const char *call, const char *why, const void *site)
{
    struct ksi_misuse m = {.rule = KSI_BAD_ARGUMENT_RULE, .site = site};
    ksi_violate(&m, "%s: %s", call, why);
}

jmp_buf *ksl_aix_save_context(label_t *jb)
{
    ksl_thread *t = ksi_self();
    jb->ksl_level = ksi_load(&t->front.level);
    jb->ksl_depth = t->handlers;
    jb->ksl_kernel_lock = ksi_lockl_mine(&kernel_lock);
    jb->ksl_next = t->contexts;
    t->contexts = jb;
    return &jb->ksl_env;
}

int ksi_aix_jump(int val, const char *call, const void *site)
{
    ksl_thread *t = ksi_self();
    label_t *jb = t->contexts;
    if (jb == NULL || jb->ksl_depth != t->handlers) {
        refuse(call, jb == NULL ? "no saved context" : "out of an interrupt handler",
               site);
        return -EPERM;
    }
    if (!KSI_FAULT(JUMP_CONTEXT_STAYS))
        t->contexts = jb->ksl_next;
    if (jb->ksl_kernel_lock && t->handlers == 0 && !ksi_lockl_mine(&kernel_lock) &&
        !KSI_FAULT(JUMP_KERNEL_LOCK_LOST))
        (void)ksi_lockl(&kernel_lock, LOCK_SHORT, site);
    if (!KSI_FAULT(JUMP_LEVEL_STAYS))
        ksi_irq_unmask(t, jb->ksl_level);
    longjmp(jb->ksl_env, val != 0 ? val : EINTR);
}

int longjmpx(int val)
{
    return ksi_aix_jump(val, "longjmpx", KSI_SITE());
}

void clrjmpx(label_t *jb)
{
    ksl_thread *t = ksi_self();
    if (jb == NULL || t->contexts != jb)
        refuse("clrjmpx", "not the latest saved context", KSI_SITE());
    else
        t->contexts = jb->ksl_next;
}

int sig_chk(void)
{
    if (ksi_self()->handlers == 0)
        return ksl_signal_take();
    refuse("sig_chk", "in an interrupt handler", KSI_SITE());
    return -EPERM;
}
