/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_DIAG_WANTED_H
#define KSI_DIAG_WANTED_H

#include "diag/suppress.h"
#include "diag/switch.h"

/* What a list of words asks for; see <kslock/diag.h>. Files are open, -1: none. */
struct ksi_wanted {
    uint32_t bits;
    uint64_t limit; /* of hang, ns */
    int report;
    int stats;
    int stats_format;
    uint32_t sample; /* of stats; 0: none said */
    int trace;
    int graph;
    struct ksi_suppressions *lines;
    const char *complain; /* NULL: say nothing and stop at the first word that is wrong */
};

/* clang-format off */
#define KSI_NOTHING_WANTED { .report = -1, .stats = -1, .trace = -1, .graph = -1 }
/* clang-format on */

/* False: some word is wrong. */
bool ksi_wanted_read(struct ksi_wanted *w, const char *list);

/* Closes and frees what was opened for it. */
void ksi_wanted_drop(struct ksi_wanted *w);

/* Says what is wrong with a word, if somebody wants to hear it; false. */
bool ksi_wanted_complain(const struct ksi_wanted *w, const char *word, const char *what);

#endif
