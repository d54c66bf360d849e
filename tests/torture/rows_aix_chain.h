/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_ROWS_AIX_CHAIN_H
#define TESTS_TORTURE_ROWS_AIX_CHAIN_H

/* One lock of any kind whose waiters lend their priority. */

#include "aix.h"
#include "rows_evl.h"

#include <evl/mutex.h>

enum chain_kind { CHAIN_SIMPLE, CHAIN_LOCKL, CHAIN_COMPLEX, CHAIN_EVL, CHAIN_KINDS };

struct chain_lock {
    enum chain_kind kind;
    Simple_lock simple;
    lock_t word;
    Complex_lock complex;
    struct evl_kmutex mutex;
};

/* Alone; the caller is out-of-band, where the mutex of EVL may wait. */
void chain_take(struct party *me, struct chain_lock *l);
bool chain_try(struct chain_lock *l);
void chain_give(struct chain_lock *l);

/* Nobody lends anything: everybody has its base priority. */
void chain_check_priorities(void);

#endif
