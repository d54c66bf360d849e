/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_ANNOTATE_H
#define KSI_DIAG_ANNOTATE_H

#include "diag/events.h"

/* False if no race detector watches the program, or if it watches the library, too. */
bool ksi_annotate_enable(void);

/* A sink, see diag/events.h. */
void ksi_annotate_event(const struct ksi_event *e);

/* A value that threads wait for is set; has been found set. */
KSI_COLD void ksi_annotate_set(const volatile void *object);
KSI_COLD void ksi_annotate_seen(const volatile void *object);

static inline bool ksi_annotating(void)
{
    return KSI_UNLIKELY((ksi_load_acq(&ksi_diag) & KSI_DIAG_ANNOTATE) != 0);
}

#endif
