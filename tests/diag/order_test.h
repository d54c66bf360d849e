/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_DIAG_ORDER_TEST_H
#define TESTS_DIAG_ORDER_TEST_H

#include <kslock/diag.h>

#include "../support/support.h"

#include <string.h>

/* Cases that may share a process: every case uses classes of its own. */

static inline void order_begin(void)
{
    ck_assert_int_eq(ksl_diag_enable("order"), 0);
    recorder_start();
}

static inline void order_end(void)
{
    recorder_stop();
}

#define ASSERT_SILENT()                                                                  \
    ck_assert_msg(recorder_count(NULL) == 0, "unexpected %s: %s", recorder_last().rule,  \
                  recorder_last().message)

#define ASSERT_SAYS(words_)                                                              \
    ck_assert_msg(strstr(recorder_last().message, words_) != NULL,                       \
                  "\"%s\" is not in: %s", words_, recorder_last().message)

static inline TCase *order_case(Suite *s, const char *name)
{
    TCase *c = tcase_create(name);
    tcase_add_checked_fixture(c, order_begin, order_end);
    suite_add_tcase(s, c);
    return c;
}

#endif
