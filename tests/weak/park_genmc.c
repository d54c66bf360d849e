/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The parker for GenMC, which knows no futex: the words and steps of park_word.h, and a
 * sleep that is over once there is a token. No dates, no wakes for no reason.
 */

#include "platform/park_word.h"

void __VERIFIER_assume(int condition);

void ksi_parker_init(struct ksi_parker *p)
{
    ksi_store(&p->word, (uint32_t)PARK_EMPTY);
}

enum ksi_park_result ksi_host_park(struct ksi_parker *p, uint64_t deadline)
{
    (void)deadline;
    if (!park_announce(p))
        return KSI_PARK_TOKEN;
    __VERIFIER_assume(ksi_load(&p->word) == PARK_TOKEN);
    return park_withdraw(p) ? KSI_PARK_TOKEN : KSI_PARK_RETRY;
}

void ksi_host_unpark(struct ksi_parker *p)
{
    park_leave_token(p);
}

void ksi_word_wait(uint32_t *word, uint32_t seen)
{
    __VERIFIER_assume(ksi_load(word) != seen);
}

void ksi_word_wake(uint32_t *word)
{
    (void)word;
}
