/* SPDX-License-Identifier: BSD-2-Clause */
/* What the run has seen: how long waits took, the line of a row, the table at the end. */

#include "torture.h"

#include "platform/park.h"

#include <stdio.h>
#include <string.h>

/*
 * A wait begins when a waiter opens its interrupts to sleep, or with the first turn of a
 * spinner, and has lasted until it is seen again. Waits in handlers of a spinner count as
 * its own.
 */
void torture_note_point(struct party *me, const char *where)
{
    bool spins = strcmp(where, "spin: turn") == 0;
    if (strcmp(where, "rw: empty") == 0 || strcmp(where, "stax: withdraw") == 0)
        ADD(&me->withdrawals, 1ul);
    if (spins && !me->spinning)
        me->wait_began = ksi_host_now();
    me->spinning = spins;
    if (strcmp(where, "wait: opening") == 0) {
        me->wait_began = ksi_host_now();
    } else if (spins || strcmp(where, "wait: unparked") == 0) {
        uint64_t began =
            me->wait_began; /* a handler may wait, too, before the clock is read */
        uint64_t lasted = ksi_host_now() - began;
        if (lasted > LOAD(&me->longest))
            STORE(&me->longest, lasted);
    }
}

/* Of one row, over all its slices. */
static struct totals {
    double seconds;
    unsigned long rounds;
    unsigned long operations, least, most; /* by all workers, by one */
    unsigned long interrupts;
    uint64_t longest; /* ns */
} totals[TORTURE_ROWS];

static void add_up(const struct totals *t)
{
    struct totals *sum = &totals[torture.row - torture_rows];
    sum->seconds += t->seconds;
    sum->rounds += t->rounds;
    sum->operations += t->operations;
    sum->least += t->least;
    sum->most += t->most;
    sum->interrupts += t->interrupts;
    sum->longest = t->longest > sum->longest ? t->longest : sum->longest;
}

void torture_report_row(double seconds)
{
    struct totals t = {.seconds = seconds, .rounds = torture.round, .least = ~0ul};
    unsigned long spurious = 0, naps = 0, signals = 0, unblocks = 0, eintr = 0;
    unsigned long withdrawals = 0;
    for (unsigned i = 0; i <= torture.threads; i++) {
        const struct party *p = &torture.parties[i];
        t.interrupts += p->interrupts;
        spurious += p->spurious;
        naps += p->naps;
        signals += p->signals;
        unblocks += p->unblocks;
        eintr += p->eintr;
        withdrawals += p->withdrawals;
        if (i == torture.threads)
            continue;
        t.operations += p->operations;
        t.least = p->operations < t.least ? p->operations : t.least;
        t.most = p->operations > t.most ? p->operations : t.most;
        t.longest = p->longest > t.longest ? p->longest : t.longest;
    }
    printf("%-18s %5.1f s  rounds %lu, operations %lu (%lu..%lu a thread), interrupts "
           "%lu, longest wait %.1f ms, spurious %lu, naps %lu, signals %lu, unblocks "
           "%lu, eintr %lu, withdrawals %lu, forks %lu, restarts %lu, guests %lu, pauses "
           "%lu, moves %lu\n",
           torture.row->name, seconds, torture.round, t.operations, t.least, t.most,
           t.interrupts, (double)t.longest / 1e6, spurious, naps, signals, unblocks,
           eintr, withdrawals, torture.forks, torture.restarts, torture.guests,
           torture.pauses, torture.moves);
    fflush(stdout);
    add_up(&t);
}

void torture_report_all(void)
{
    printf("\n%-18s %8s %9s %11s %11s %7s %13s\n", "row", "seconds", "rounds",
           "operations", "interrupts", "min/max", "longest wait");
    for (unsigned i = 0; i < torture_row_count; i++) {
        const struct totals *t = &totals[i];
        if (t->rounds == 0)
            continue;
        double fair = t->most != 0 ? (double)t->least / (double)t->most : 1;
        printf("%-18s %8.1f %9lu %11lu %11lu %7.2f %10.1f ms\n", torture_rows[i].name,
               t->seconds, t->rounds, t->operations, t->interrupts, fair,
               (double)t->longest / 1e6);
    }
    fflush(stdout);
}
