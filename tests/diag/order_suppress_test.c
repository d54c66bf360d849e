/* SPDX-License-Identifier: BSD-2-Clause */
/* suppress=FILE: what is not told and not counted, and lines that are wrong. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>

#include <kslock/mutex.h>
#include <kslock/spinlock.h>

#include "order_test.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static struct sx a, b, c;
static struct mtx m;
static ksl_spinlock_t spin_one;
extern ksl_mutex_t mutex_one; /* exported, so the loader knows it */
ksl_mutex_t mutex_one;
static char path[32];

static void write_file(const char *text)
{
    snprintf(path, sizeof path, "kslock-suppress-XXXXXX");
    int fd = mkstemp(path);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, text, strlen(text)), (ssize_t)strlen(text));
    close(fd);
}

static int enable(const char *text)
{
    char list[64];
    write_file(text);
    snprintf(list, sizeof list, "order,suppress=%s", path);
    int error = ksl_diag_enable(list);
    unlink(path);
    recorder_start();
    sx_init(&a, "apple");
    sx_init(&b, "big berry");
    sx_init(&c, "cherry");
    mtx_init(&m, "mint", NULL, MTX_DEF);
    return error;
}

static void nest(struct sx *outer, struct sx *inner)
{
    sx_xlock(outer);
    sx_xlock(inner);
    sx_xunlock(inner);
    sx_xunlock(outer);
}

static void abba(struct sx *one, struct sx *two)
{
    nest(one, two);
    nest(two, one);
}

/* What stands for the pair apple, "big berry". */
static const char *const hits[] = {
    "order apple \"big berry\"\n",
    "order \"big berry\" apple\n", /* in any order */
    "order apple\n",
    "order big?berry\n",
    "# told last week\n\n  order   app* *berry # and more\n",
    "* * *\n",
    "o[rx]der * big*",
    "sleepable nothing\norder <sx>\n",
    "order <sx> apple\r\n",
};

START_TEST(part2_suppressed)
{
    ck_assert_int_eq(enable(hits[_i]), 0);
    abba(&a, &b);
    ASSERT_SILENT();
    ck_assert_uint_eq(ksl_violation_count(), 0);
}
END_TEST

static const char *const misses[] = {
    "order apple cherry\n", "order appl\n",        "duplicate apple\n", "order cherry\n",
    "order apple mint\n",   "order <mutex>\n",     "# order *\n",       "",
    "order Apple\n",        "order apple apple\n",
};

START_TEST(part2_not_suppressed)
{
    ck_assert_int_eq(enable(misses[_i]), 0);
    abba(&a, &b);
    ASSERT_VIOLATED("order");
    ck_assert_uint_eq(ksl_violation_count(), 1);
}
END_TEST

/* Others are told. */
START_TEST(part2_only_that_pair)
{
    ck_assert_int_eq(enable("order apple \"big berry\"\n"), 0);
    abba(&a, &b);
    abba(&a, &c);
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("\"cherry\"");
}
END_TEST

/* In a longer cycle two that follow each other. */
START_TEST(part2_a_pair_of_a_cycle)
{
    ck_assert_int_eq(enable("order cherry apple\n"), 0);
    nest(&a, &b);
    nest(&b, &c);
    nest(&c, &a);
    ASSERT_SILENT();
}
END_TEST

START_TEST(part2_other_rules)
{
    struct sx twin;
    ck_assert_int_eq(enable("duplicate apple\nsleepable cherry mint\n"
                            "sleepable mutex_one *+0x*\n"),
                     0);
    sx_init(&twin, "apple");
    nest(&a, &twin);
    mtx_lock(&m);
    sx_slock(&c);
    sx_sunlock(&c);
    ksl_spinlock_raw_acquire(&spin_one);
    ck_assert_int_eq(ksl_mutex_acquire(&mutex_one), 0);
    ksl_mutex_release(&mutex_one);
    ksl_spinlock_raw_release(&spin_one);
    ASSERT_SILENT();
    sx_slock(&a);
    sx_sunlock(&a);
    mtx_unlock(&m);
    ASSERT_VIOLATED("sleepable");
}
END_TEST

/* A panic is no business of the order checker. */
START_TEST(part2_panics_stay)
{
    ck_assert_int_eq(enable("* *\n"), 0);
    sx_xunlock(&a);
    ASSERT_VIOLATED("not-locked");
}
END_TEST

START_TEST(part2_a_second_file)
{
    ck_assert_int_eq(enable("order apple *berry\n"), 0);
    ck_assert_int_eq(enable("order apple cherry\n"), 0);
    abba(&a, &b);
    abba(&a, &c);
    ASSERT_SILENT();
    abba(&b, &c);
    ASSERT_VIOLATED("order");
}
END_TEST

/* --- lines that are wrong ----------------------------------------------------------- */

#define TENFOLD(text) text text text text text text text text text text
#define LONG_LINE "order " TENFOLD(TENFOLD("apple, big berry")) "\n"

static const struct {
    const char *text;
    const char *told;
} wrong[] = {
    {"order\n", ":1: the line is not RULE CLASS [CLASS]"},
    {"# one\n\norder a b c d\n", ":3: the line is not RULE CLASS [CLASS]"},
    {"order \"apple\n", ":1: the line has a quote without its end"},
    {"oder apple\n", ":1: the line names no rule of `order`"},
    {"not-owner apple\n", ":1: the line names no rule of `order`"},
    {"oder apple\norder\n", ":2: the line is not RULE CLASS [CLASS]"},
    {"order\n\n* *\nis wrong\n", ":4: the line names no rule of `order`"},
    {LONG_LINE "order\n", ":1: the line is too long"},
    {LONG_LINE "order\n", ":2: the line is not RULE CLASS [CLASS]"},
};

START_TEST(part2_a_wrong_line)
{
    char said[512] = "";
    char line[64];
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    int kept = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
    int error = enable(wrong[_i].text);
    ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
    close(kept);
    ck_assert_int_eq(error, -EINVAL);
    rewind(f);
    (void)!fread(said, 1, sizeof said - 1, f);
    (void)fclose(f);
    (void)snprintf(line, sizeof line, "%s%s", path, wrong[_i].told);
    ck_assert_msg(strstr(said, line) != NULL, "no \"%s\" in: %s", line, said);
    nest(&a, &b); /* nothing is on */
    nest(&b, &a);
    ASSERT_SILENT();
}
END_TEST

START_TEST(part2_no_such_file)
{
    ck_assert_int_eq(ksl_diag_enable("order,suppress=/nowhere/at/all"), -EINVAL);
    ck_assert_int_eq(ksl_diag_enable("suppress="), -EINVAL);
    ck_assert_int_eq(ksl_diag_enable("suppress=/"), -EINVAL);
}
END_TEST

#define COUNT(list) ((int)(sizeof(list) / sizeof((list)[0])))

static Suite *suite(void)
{
    Suite *s = suite_create("order_suppress");
    TCase *t = tcase_create("suppress");
    tcase_add_loop_test(t, part2_suppressed, 0, COUNT(hits));
    tcase_add_loop_test(t, part2_not_suppressed, 0, COUNT(misses));
    tcase_add_test(t, part2_only_that_pair);
    tcase_add_test(t, part2_a_pair_of_a_cycle);
    tcase_add_test(t, part2_other_rules);
    tcase_add_test(t, part2_panics_stay);
    tcase_add_test(t, part2_a_second_file);
    tcase_add_loop_test(t, part2_a_wrong_line, 0, COUNT(wrong));
    tcase_add_test(t, part2_no_such_file);
    suite_add_tcase(s, t);
    return s;
}

int main(void)
{
    return support_run(suite());
}
