/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Masks and unmasks interrupts a million times between two marks (calls of
 * getpgid) that irq_strace_test.sh looks for in a trace of the system calls.
 */

#include <kslock/irq.h>
#include <kslock/thread.h>

#include <stdio.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { PAIRS = 1000000 };

static int ran;

static void handler(int irq, void *arg)
{
    (void)irq;
    (void)arg;
    ran++;
}

int main(void)
{
    int bad = 0;
    (void)ksl_thread_self();
    if (ksl_irq_request(1, KSL_STAGE_INBAND, 1, handler, NULL) != 0)
        return 1;
    syscall(SYS_getpgid, 0);
    for (int i = 0; i < PAIRS; i++) {
        unsigned outer = ksl_irq_save();
        unsigned inner = ksl_irq_set_level(KSL_IRQ_LEVELS - 1);
        unsigned stall = ksl_irq_stall_inband();
        bad |= ksl_irq_enabled();
        ksl_irq_restore_inband(stall);
        (void)ksl_irq_set_level(inner);
        ksl_irq_restore(outer);
        bad |= !ksl_irq_enabled();
    }
    syscall(SYS_getpgid, 0);

    /* The mask is real: it holds an interrupt back. */
    unsigned state = ksl_irq_save();
    (void)ksl_irq_raise_on(ksl_thread_self(), 1);
    bad |= ran != 0;
    ksl_irq_restore(state);
    bad |= ran != 1;
    if (bad)
        printf("masking does not work\n");
    return bad;
}
