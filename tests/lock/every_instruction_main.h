/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_EVERY_INSTRUCTION_MAIN_H
#define TESTS_EVERY_INSTRUCTION_MAIN_H

/*
 * What the programs of every_instruction.h share. Their first argument is the stride
 * beyond the first positions. STEPS is 0 where there are no single steps; then this
 * file has the program's main().
 */

#include "every_instruction.h"

#include "sanitized.h"

#include <stdio.h>

#if !defined(__x86_64__) || SANITIZED

#define STEPS 0

/* Sanitizers keep signals back, or have far too many instructions. */
int main(void)
{
    fprintf(stderr, "single steps are for x86-64 without sanitizers\n");
    return 77;
}

#else

#define STEPS 1

static long stride; /* the first positions are all tried, then each so many */

/* To be called first in main(); false if the program has to end with 77. */
static inline bool steps_ready(int argc, char **argv, long usual_stride)
{
    if (!step_works()) {
        fprintf(stderr, "the processor cannot be single-stepped here\n");
        return false;
    }
    stride = usual_stride;
    if (argc > 1)
        stride = atol(argv[1]) > 0 ? atol(argv[1]) : 1;
    return true;
}

/* The body of a test: one operation at its positions. */
static inline void interrupt_each(const struct op *op)
{
    long positions = step_through(op, stride);
    if (getenv("CK_VERBOSITY") != NULL)
        printf("%s: %ld instructions\n", op->name, positions);
    ck_assert_int_gt(positions, 5);
}

static inline int steps_run(const char *suite, TCase *tc)
{
    Suite *s = suite_create(suite);
    if (stride == 1)
        tcase_set_timeout(tc, 1000);
    suite_add_tcase(s, tc);
    return support_run(s);
}

#endif

#endif
