/* SPDX-License-Identifier: BSD-2-Clause */
#include "kinds.h"

#include <string.h>

enum { URCU_PHASE = 1, LEAST = 3000, EACH = 8, SPINNERS = 4 };

const struct kind kinds[] = {
    {"sx, rwsem, complex", scale_rw, RW_LEARNS, 0, true, false, false, false},
    {"  biased always", scale_rw, RW_BIASED, RW_SLOTS | RW_BIAS, true, false, false,
     false},
    {"  fenced always", scale_rw, RW_FENCED, RW_SLOTS, true, false, false, false},
    {"  counted always", scale_rw, RW_COUNTED, 0, true, false, false, false},
    {"stax, one stage", scale_stax, 0, 0, true, false, true, false},
    {"pthread_rwlock", scale_pthread, 0, 0, true, false, false, false},
    {"brlock", scale_brlock, 0, 0, true, false, false, false},
    {"urcu memb", scale_urcu, 0, URCU_PHASE, true, true, false, false},
    {"owner lock", scale_owner, 0, 0, false, false, false, true},
    {"ksem", scale_ksem, 0, 0, false, false, false, true},
    {"mutex", scale_mutex, 0, 0, false, false, false, true},
    {"ticket", scale_ticket, 0, 0, false, false, false, false},
    {"MCS", scale_mcs, 0, 0, false, false, false, false},
};
const unsigned kind_count = sizeof kinds / sizeof kinds[0];

const struct kind *kind_named(const char *name)
{
    for (unsigned i = 0; i < kind_count; i++) {
        if (strcmp(kinds[i].name + strspn(kinds[i].name, " "), name) == 0)
            return &kinds[i];
    }
    return NULL;
}

struct sim_order kind_order(const struct kind *k, unsigned cores, double share)
{
    return (struct sim_order){
        .lock = k->lock,
        .policy = k->policy,
        .initial = k->initial,
        .spinners = k->sleeps ? SPINNERS : 0,
        .cores = cores,
        .share = share,
        .operations = LEAST + (uint64_t)EACH * cores,
        .inside = 50,
        .outside = 200,
        .no_exclusion = k->no_exclusion,
    };
}
