/* SPDX-License-Identifier: BSD-2-Clause */
/* Priority promotion of EVL's kernel mutexes against a sequential model. */
#include "aix_promotion_steps.h"

#include <evl/mutex.h>
#include <evl/sched.h>

static struct evl_kmutex mutexes[LOCKS];

static int mutex_result(int error)
{
    switch (error) {
    case 0:
        return GOT;
    case -EBUSY:
        return NOT_GOT;
    case -EIDRM:
        return GONE;
    default:
        return BROKEN;
    }
}

static int mutex_lock(void *object)
{
    return mutex_result(evl_lock_kmutex((struct evl_kmutex *)object));
}

static int mutex_trylock(void *object)
{
    return mutex_result(evl_trylock_kmutex((struct evl_kmutex *)object));
}

static int mutex_unlock(void *object)
{
    evl_unlock_kmutex((struct evl_kmutex *)object);
    return GOT;
}

static int mutex_inner(void *object)
{
    return evl_lock_kmutex((struct evl_kmutex *)object) == -EDEADLK ? GOT : BROKEN;
}

/* The memory is free as soon as destroy has returned. */
static int mutex_reset(void *object)
{
    evl_destroy_kmutex((struct evl_kmutex *)object);
    evl_init_kmutex((struct evl_kmutex *)object);
    return GOT;
}

static const model_call mutex_calls[OPS] = {
    [TAKE] = mutex_lock,   [TRY] = mutex_trylock, [DROP] = mutex_unlock,
    [INNER] = mutex_inner, [RESET] = mutex_reset,
};

START_TEST(evl_kmutex_T53_to_T61_effective_priorities_are_those_of_the_model)
{
    for (int l = 0; l < LOCKS; l++) {
        evl_init_kmutex(&mutexes[l]);
        lock[l] = (struct model_lock){.object = &mutexes[l], .calls = mutex_calls};
    }
    model_start(evl_switch_oob);
    model_run(model_steps, model_seed);
    ck_assert_int_ge(run.deepest, 4);
    ck_assert_uint_gt(run.deep, run.steps / 2000);
    ck_assert_uint_gt(run.resets, run.steps / 1000);
    model_stop();
}
END_TEST

int main(int argc, char **argv)
{
    model_arguments(argc, argv);
    Suite *s = suite_create("aix_promotion_evl_model");
    TCase *tc = tcase_create("model");
    tcase_add_test(tc, evl_kmutex_T53_to_T61_effective_priorities_are_those_of_the_model);
    suite_add_tcase(s, tc);
    return support_run(s);
}
