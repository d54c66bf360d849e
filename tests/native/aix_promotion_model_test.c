/* SPDX-License-Identifier: BSD-2-Clause */
/* AIX priority promotion against a sequential model (T53 to T63). */
#include "aix_promotion_steps.h"

#include <sys/lock.h>

static lock_t words[2] = {LOCK_AVAIL, LOCK_AVAIL};
static Simple_lock simples[2];
static Complex_lock complexes[2];

static int signal_take(void *object)
{
    (void)object;
    return ksl_signal_take();
}

static int word_result(int result)
{
    switch (result) {
    case LOCK_SUCC:
        return GOT;
    case LOCK_FAIL:
        return NOT_GOT;
    case LOCK_SIG:
        return SIGNALLED;
    default:
        return BROKEN;
    }
}

static int word_take(void *object)
{
    return word_result(lockl((lock_t *)object, LOCK_SHORT));
}

static int word_try(void *object)
{
    return word_result(lockl((lock_t *)object, LOCK_NDELAY));
}

static int word_take_sig(void *object)
{
    return word_result(lockl((lock_t *)object, LOCK_SIGRET));
}

static int word_drop(void *object)
{
    unlockl((lock_t *)object);
    return GOT;
}

static int word_inner(void *object)
{
    return lockl((lock_t *)object, LOCK_SHORT) == LOCK_NEST ? GOT : BROKEN;
}

static int simple_take(void *object)
{
    simple_lock((simple_lock_t)object);
    return GOT;
}

static int simple_try(void *object)
{
    return simple_lock_try((simple_lock_t)object) ? GOT : NOT_GOT;
}

static int simple_drop(void *object)
{
    simple_unlock((simple_lock_t)object);
    return GOT;
}

static int simple_inner(void *object)
{
    return lock_mine(object) && !simple_lock_try((simple_lock_t)object) ? GOT : BROKEN;
}

static int complex_take(void *object)
{
    lock_write((complex_lock_t)object);
    return GOT;
}

static int complex_try(void *object)
{
    return lock_try_write((complex_lock_t)object) ? GOT : NOT_GOT;
}

static int complex_share(void *object)
{
    lock_read((complex_lock_t)object);
    return GOT;
}

static int complex_drop(void *object)
{
    lock_done((complex_lock_t)object);
    return GOT;
}

static int complex_upgrade(void *object)
{
    return lock_read_to_write((complex_lock_t)object) ? NOT_GOT : GOT;
}

static int complex_downgrade(void *object)
{
    lock_write_to_read((complex_lock_t)object);
    return GOT;
}

static int complex_inner(void *object)
{
    complex_lock_t l = object;
    lock_set_recursive(l);
    lock_write(l);
    lock_read(l);
    lock_done(l);
    lock_done(l);
    lock_clear_recursive(l);
    return lock_mine(l) ? GOT : BROKEN;
}

static const model_call word_calls[OPS] = {
    [TAKE] = word_take, [TRY] = word_try,     [TAKE_SIG] = word_take_sig,
    [DROP] = word_drop, [INNER] = word_inner, [SIGNAL] = signal_take,
};
static const model_call simple_calls[OPS] = {
    [TAKE] = simple_take,
    [TRY] = simple_try,
    [DROP] = simple_drop,
    [INNER] = simple_inner,
};
static const model_call complex_calls[OPS] = {
    [TAKE] = complex_take,   [TRY] = complex_try,         [SHARE] = complex_share,
    [DROP] = complex_drop,   [UPGRADE] = complex_upgrade, [DOWNGRADE] = complex_downgrade,
    [INNER] = complex_inner,
};

START_TEST(aix_T53_to_T63_effective_priorities_are_those_of_the_model)
{
    for (int i = 0; i < 2; i++) {
        lock[i] = (struct model_lock){.object = &words[i], .calls = word_calls};
        simple_lock_init(&simples[i]);
        lock[2 + i] = (struct model_lock){.object = &simples[i], .calls = simple_calls};
        lock_init(&complexes[i], TRUE);
        lock[4 + i] =
            (struct model_lock){.object = &complexes[i], .calls = complex_calls};
    }
    model_start(NULL);
    model_run(model_steps, model_seed);
    ck_assert_int_ge(run.deepest, 4);
    ck_assert_uint_gt(run.deep, run.steps / 2000);
    ck_assert_uint_gt(run.left, run.steps / 1000);
    ck_assert_uint_gt(run.kept, run.steps / 1000);
    ck_assert_uint_gt(run.upgrades, run.steps / 1000);
    model_stop();
}
END_TEST

int main(int argc, char **argv)
{
    model_arguments(argc, argv);
    Suite *s = suite_create("aix_promotion_model");
    TCase *tc = tcase_create("model");
    tcase_add_test(tc, aix_T53_to_T63_effective_priorities_are_those_of_the_model);
    suite_add_tcase(s, tc);
    return support_run(s);
}
