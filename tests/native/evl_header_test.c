/* SPDX-License-Identifier: BSD-2-Clause */
/* EVL headers: values, sizes, static initialisers, both forms of the macros. */
#include "evl_test.h"

_Static_assert(sizeof(struct evl_stax) <= 16, "stax");
_Static_assert(sizeof(struct evl_ksem) <= 16, "ksem");
_Static_assert(sizeof(struct evl_flag) <= 16, "flag");
_Static_assert(sizeof(ktime_t) == 8 && (ktime_t)-1 < 0, "ktime_t");
_Static_assert(EVL_INFINITE == 0 && EVL_NONBLOCK == KTIME_MAX && KTIME_MAX == INT64_MAX,
               "timeouts");
_Static_assert(EVL_REL == 0 && EVL_ABS == 1, "enum evl_tmode");
_Static_assert(ERESTARTSYS == 512, "ERESTARTSYS");
_Static_assert(EVL_T_TIMEO == 1 && EVL_T_RMID == 2 && EVL_T_BREAK == 4 &&
                   EVL_T_KICKED == 8,
               "thread info bits");

#define VALUE 3

extern struct evl_ksem plain_sem, valued_sem;
DEFINE_EVL_KSEM(plain_sem);
DEFINE_EVL_KSEM(valued_sem, VALUE + 1);
static DEFINE_EVL_KSEM(static_sem);
static DEFINE_EVL_KSEM(static_valued_sem, 2);
static struct evl_ksem foo = EVL_KSEM_INITIALIZER(foo);
static struct evl_ksem bar = EVL_KSEM_INITIALIZER(bar, VALUE);
static struct {
    int other;
    struct evl_ksem sems[2];
} inside = {1, {EVL_KSEM_INITIALIZER(inside.sems[0], 5), EVL_KSEM_INITIALIZER(inside)}};
static DEFINE_EVL_FLAG(static_flag);

START_TEST(evl_ksem_K1_both_forms_of_the_macros)
{
    static DEFINE_EVL_KSEM(local, 6);
    struct evl_ksem automatic = EVL_KSEM_INITIALIZER(automatic, 7);
    ck_assert_int_eq(drain(&plain_sem), 0);
    ck_assert_int_eq(drain(&valued_sem), 4);
    ck_assert_int_eq(drain(&static_sem), 0);
    ck_assert_int_eq(drain(&static_valued_sem), 2);
    ck_assert_int_eq(drain(&foo), 0);
    ck_assert_int_eq(drain(&bar), 3);
    ck_assert_int_eq(drain(&inside.sems[0]), 5);
    ck_assert_int_eq(drain(&inside.sems[1]), 0);
    ck_assert_int_eq(drain(&local), 6);
    ck_assert_int_eq(drain(&automatic), 7);
}
END_TEST

START_TEST(evl_ksem_a_static_one_works_and_can_be_destroyed)
{
    struct puppet p;
    puppet_start_on(&p, KSL_STAGE_OOB);
    tell_blocked(&p, down, &static_sem);
    evl_up(&static_sem);
    ck_assert_int_eq(answer(&p), 0);
    tell_blocked(&p, down, &static_sem);
    evl_destroy_ksem(&static_sem);
    ck_assert_int_eq(answer(&p), -EIDRM);
    puppet_end(&p);
}
END_TEST

START_TEST(evl_stax_X1_both_forms_of_init)
{
    struct evl_stax stax[3];
    struct evl_stax *next = stax;
    int flags = EVL_STAX_INBAND_SPIN;
    ck_assert_int_eq(evl_init_stax(next++), 0);
    ck_assert_int_eq(evl_init_stax(next++, 0), 0);
    ck_assert_int_eq(evl_init_stax(next++, flags), 0);
    ck_assert_ptr_eq(next, stax + 3);
    for (int i = 0; i < 3; i++) {
        ck_assert_int_eq(evl_trylock_stax(&stax[i]), 0);
        evl_unlock_stax(&stax[i]);
        ck_assert_int_eq(evl_destroy_stax(&stax[i]), 0);
    }
}
END_TEST

/* The names are functions, too. */
START_TEST(evl_stax_X1_init_has_an_address)
{
    int (*init)(struct evl_stax *) = evl_init_stax;
    int (*destroy)(struct evl_stax *) = evl_destroy_stax;
    struct evl_stax stax;
    ck_assert_int_eq(init(&stax), 0);
    ck_assert_int_eq(evl_trylock_stax(&stax), 0);
    evl_unlock_stax(&stax);
    ck_assert_int_eq(destroy(&stax), 0);
}
END_TEST

START_TEST(evl_flag_a_static_one)
{
    evl_raise_flag(&static_flag);
    ck_assert_int_eq(evl_wait_flag(&static_flag), 0);
    ck_assert_int_eq(evl_wait_flag_timeout(&static_flag, EVL_NONBLOCK, EVL_REL), -EAGAIN);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("evl headers");
    TCase *tc = tcase_create("headers");
    tcase_set_timeout(tc, 80);
    tcase_add_test(tc, evl_ksem_K1_both_forms_of_the_macros);
    tcase_add_test(tc, evl_ksem_a_static_one_works_and_can_be_destroyed);
    tcase_add_test(tc, evl_stax_X1_both_forms_of_init);
    tcase_add_test(tc, evl_stax_X1_init_has_an_address);
    tcase_add_test(tc, evl_flag_a_static_one);
    suite_add_tcase(s, tc);
    return s;
}

int main(void)
{
    return support_run(suite());
}
