/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_CHILD_H
#define TESTS_CHILD_H

/*
 * For tests of fork. In the child there is no Check, only an exit status: a
 * check that fails prints itself and ends the child with 1.
 */

#include "support.h"

#include <stdio.h>
#include <unistd.h>

#define CHILD_CHECK(expr)                                                                \
    do {                                                                                 \
        if (!(expr)) {                                                                   \
            dprintf(STDERR_FILENO, "child, line %d: %s\n", __LINE__, #expr);             \
            _exit(1);                                                                    \
        }                                                                                \
    } while (0)

#define CHILD_WAIT(expr)                                                                 \
    do {                                                                                 \
        uint64_t state_ = 0;                                                             \
        while (!(expr))                                                                  \
            CHILD_CHECK(support_keep_waiting(&state_) || (expr));                        \
    } while (0)

/* Forks, runs fn in the child and expects it to end well. */
void in_child(void (*fn)(void));

#endif
