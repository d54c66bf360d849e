/* SPDX-License-Identifier: BSD-2-Clause */
#include "diag/events.h"

#include "diag/annotate.h"
#include "platform/park.h"
#include "thread/irq.h"
#include "thread/upcalls.h"

ksi_event_sink ksi_stats_sink;
ksi_event_sink ksi_trace_sink;

static uint64_t numbers;

const char *ksi_event_name(unsigned type)
{
    static const char *const names[] = {
#define EVENT(name, text) text,
#include "diag/events.def"
#undef EVENT
    };
    return type < KSI_EVENTS ? names[type] : "";
}

uint64_t ksi_tell_number(void)
{
    return ksi_fetch_add(&numbers, (uint64_t)1) + 1;
}

void ksi_tell_event(ksl_thread *t, struct ksi_event *e)
{
    uint32_t diag = ksi_load_acq(&ksi_diag);
    uint32_t level = ksi_load(&t->front.level);
    if (t->telling != 0)
        return; /* the dispatcher has interrupted a sink: it puts off, that is not told */
    ksi_irq_set(t, KSI_MASK_ALL);
    t->telling = 1;
    ksi_barrier();
    e->when =
        (diag & KSI_DIAG_TRACE) != 0 ? ksi_now() : 0; /* `stats` has its own clock */
    e->level = level;
    if ((diag & KSI_DIAG_STATS) != 0)
        ksi_stats_sink(t, e);
    if ((diag & KSI_DIAG_TRACE) != 0)
        ksi_trace_sink(t, e);
    if ((diag & KSI_DIAG_ANNOTATE) != 0)
        ksi_annotate_event(e);
    ksi_barrier();
    t->telling = 0;
    ksi_irq_unmask(t, level);
}

/* The thread floor's own events. */
void ksi_up_irq_event(ksl_thread *t, enum ksi_irq_event what, uint64_t arg, uint64_t more)
{
    static const enum ksi_event_type types[] = {
        [KSI_IRQ_RAISED] = KSI_EV_RAISED, [KSI_IRQ_PUT_OFF] = KSI_EV_PUT_OFF,
        [KSI_IRQ_RUNS] = KSI_EV_RUNS,     [KSI_IRQ_RAN] = KSI_EV_RAN,
        [KSI_IRQ_STAGE] = KSI_EV_STAGE,
    };
    ksi_tell_about(t, types[what], arg, more);
}
