/* SPDX-License-Identifier: BSD-2-Clause */
/* The name pause: ours under KSL_FREEBSD_PAUSE, whatever comes first. */
#define KSL_FREEBSD_PAUSE

#include <unistd.h>

#include <sys/param.h>

#include <sys/systm.h>

#include "support.h"

#include <unistd.h>

/* The host's, by its address: the macro takes arguments. */
static int (*const host_pause)(void) = pause;

START_TEST(pause_is_that_of_the_kernel)
{
    uint64_t before = support_now_ns();
    ck_assert_int_eq(pause("pause", 3), EWOULDBLOCK);
    ck_assert_uint_ge(support_now_ns() - before, 3000000u);
    ck_assert_int_eq(pause("pause", 0), EWOULDBLOCK);
    ck_assert(host_pause != NULL);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd pause");
    TCase *tc = tcase_create("pause");
    tcase_add_test(tc, pause_is_that_of_the_kernel);
    suite_add_tcase(s, tc);
    return support_run(s);
}
