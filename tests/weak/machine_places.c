/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What the machine knows of places from one execution to the next: which accesses there
 * are in the code, and where in memory the threads meet.
 */

#include "machine_threads.h"

#include <stdio.h>
#include <string.h>

enum { SITES = 512, USED = 1024, AGAIN_MAX = 4 };

static struct {
    uintptr_t site;
    int op;
    int order;
} sites[SITES];
static unsigned nsites;

/* Who loads the same again and again, at one place of the code, waits a moment there. */
static struct {
    uintptr_t site, at;
    unsigned times;
} again[MACHINE_THREADS];

/*
 * Who has used a place, in all executions of the scenario so far. A step on one that a
 * single thread uses comes with no choice: what others do just before it they may as well
 * do just after it. A search that finds another thread there begins anew.
 */
static struct used {
    uintptr_t at;
    unsigned threads; /* bits */
    bool shared;      /* as this execution goes by it */
} used[USED];
static bool learned;

void machine_places_restart(void)
{
    memset(used, 0, sizeof used);
    learned = false;
}

bool machine_places_learned(void)
{
    return learned;
}

bool machine_is_shared(uintptr_t at)
{
    struct used *u = &used[(size_t)(at >> 2) * 0x9e3779b9u % USED];
    for (unsigned tries = 0; u->at != at && u->at != 0; tries++) {
        if (tries == USED)
            machine_failed("the machine has no room for more places");
        u = u + 1 < used + USED ? u + 1 : used;
    }
    u->at = at;
    u->threads |= 1u << machine_self();
    learned = learned || (!u->shared && (u->threads & (u->threads - 1)) != 0);
    return u->shared;
}

void machine_places_begin(void)
{
    memset(again, 0, sizeof again);
    for (unsigned i = 0; i < USED; i++)
        used[i].shared = (used[i].threads & (used[i].threads - 1)) != 0;
    learned = false;
}

bool machine_looks_again(uintptr_t at, uintptr_t site)
{
    unsigned me = machine_self();
    if (again[me].site != site || again[me].at != at)
        again[me].times = 0;
    again[me].site = site;
    again[me].at = at;
    return ++again[me].times > AGAIN_MAX;
}

void machine_note_site(uintptr_t site, int op, int order)
{
    for (unsigned i = 0; i < nsites; i++) {
        if (sites[i].site == site && sites[i].order == order)
            return;
    }
    if (nsites < SITES) {
        sites[nsites].site = site;
        sites[nsites].op = op;
        sites[nsites++].order = order;
    }
}

void machine_list_sites(void)
{
    static const char *const ops[] = {"load", "store", "xchg", "add",
                                      "sub",  "and",   "or",   "cas"};
    static const char *const orders[] = {"relaxed", "consume", "acquire",
                                         "release", "acq_rel", "seq_cst"};
    for (unsigned i = 0; i < nsites; i++)
        printf("%#lx %s %s\n", (unsigned long)sites[i].site, ops[sites[i].op],
               orders[sites[i].order]);
}
