/* SPDX-License-Identifier: BSD-2-Clause */
/* Tables of the order checker that are full: told once, and the rest goes on. */

#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

#include <kslock/mutex.h>

#include "order_test.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { CLASSES = 5000, LOCKS = 66000, HELD = 300 };

static struct sx first, second;
static char said[4096];

/* What is written to stderr while fn runs. */
static void listen_to(void (*fn)(void))
{
    FILE *f = tmpfile();
    ck_assert_ptr_nonnull(f);
    int kept = dup(STDERR_FILENO);
    ck_assert_int_ge(dup2(fileno(f), STDERR_FILENO), 0);
    fn();
    ck_assert_int_ge(dup2(kept, STDERR_FILENO), 0);
    close(kept);
    rewind(f);
    said[fread(said, 1, sizeof said - 1, f)] = '\0';
    (void)fclose(f);
}

static void nest(struct sx *outer, struct sx *inner)
{
    sx_xlock(outer);
    sx_xlock(inner);
    sx_xunlock(inner);
    sx_xunlock(outer);
}

/* Known before: checked as ever. */
static void check_goes_on(const char *full)
{
    const char *at = strstr(said, full);
    ck_assert_msg(at != NULL, "no \"%s\" in: %s", full, said);
    ck_assert_ptr_null(strstr(at + strlen(full), "no room"));
    ASSERT_SILENT();
    nest(&second, &first);
    ASSERT_VIOLATED("order");
}

static void begin(void)
{
    sx_init(&first, "full first");
    sx_init(&second, "full second");
    nest(&first, &second);
}

static void many_classes(void)
{
    static ksl_mutex_t mutex[CLASSES];
    sx_xlock(&first);
    for (int round = 0; round < 2; round++) {
        for (int i = 0; i < CLASSES; i++) {
            (void)ksl_mutex_acquire(&mutex[i]);
            ksl_mutex_release(&mutex[i]);
        }
    }
    sx_xunlock(&first);
}

START_TEST(part2_more_classes_than_room)
{
    begin();
    listen_to(many_classes);
    check_goes_on(
        "kslock: order: no room for more than 4094 lock classes; what is new is "
        "not checked\n");
}
END_TEST

static struct sx many[LOCKS];

static void many_locks(void)
{
    for (int i = 0; i < LOCKS; i++)
        sx_init(&many[i], "one of many");
    for (int i = 0; i < LOCKS; i += 100) {
        sx_xlock(&many[i]);
        sx_xunlock(&many[i]);
    }
}

START_TEST(part2_more_locks_than_room)
{
    begin();
    listen_to(many_locks);
    check_goes_on("kslock: order: no room for more than 65536 locks; what is new is not "
                  "checked\n");
    for (int i = 0; i < LOCKS; i++)
        sx_destroy(&many[i]);
    sx_init(&many[0], "many first"); /* and there is room again */
    nest(&many[0], &second);
    nest(&second, &many[0]);
    ck_assert_uint_eq(recorder_count("order"), 2);
}
END_TEST

static void many_pairs(void)
{
    static char names[HELD][16];
    for (int i = 0; i < HELD; i++) {
        (void)snprintf(names[i], sizeof names[i], "pair %d", i);
        sx_init(&many[i], names[i]);
        sx_xlock(&many[i]);
    }
    for (int i = HELD - 1; i >= 0; i--)
        sx_xunlock(&many[i]);
}

START_TEST(part2_more_pairs_than_room)
{
    begin();
    listen_to(many_pairs);
    check_goes_on(
        "kslock: order: no room for more than 32768 pairs of classes; what is new "
        "is not checked\n");
}
END_TEST

/* A zero-filled lock on a heap is known by its address, and the report says so. */
START_TEST(part2_memory_that_serves_another_lock)
{
    ksl_mutex_t *heap = calloc(2, sizeof *heap);
    ck_assert_ptr_nonnull(heap);
    for (int i = 0; i < 2; i++) {
        (void)ksl_mutex_acquire(&heap[i]);
        (void)ksl_mutex_acquire(&heap[!i]);
        ksl_mutex_release(&heap[!i]);
        ksl_mutex_release(&heap[i]);
    }
    ASSERT_VIOLATED("order");
    ASSERT_SAYS("(on a stack or a heap, known by its address alone)");
    free(heap);
}
END_TEST

START_TEST(part2_static_memory_serves_one_lock)
{
    static ksl_mutex_t still[2];
    for (int i = 0; i < 2; i++) {
        (void)ksl_mutex_acquire(&still[i]);
        (void)ksl_mutex_acquire(&still[!i]);
        ksl_mutex_release(&still[!i]);
        ksl_mutex_release(&still[i]);
    }
    ASSERT_VIOLATED("order");
    ck_assert_ptr_null(strstr(recorder_last().message, "known by its address"));
}
END_TEST

/* An init call ends what was there, and so does a lock of another kind. */
START_TEST(part2_another_lock_at_the_address)
{
    static union {
        ksl_mutex_t mutex;
        struct sx sx;
    } place;
    static ksl_mutex_t other;
    (void)ksl_mutex_acquire(&place.mutex);
    (void)ksl_mutex_acquire(&other);
    ksl_mutex_release(&other);
    ksl_mutex_release(&place.mutex);
    if (_i == 0)
        ksl_mutex_init(&place.mutex);
    else
        sx_init(&place.sx, "another kind");
    (void)ksl_mutex_acquire(&other);
    if (_i == 0) {
        (void)ksl_mutex_acquire(&place.mutex);
        ksl_mutex_release(&place.mutex);
    } else {
        sx_xlock(&place.sx);
        sx_xunlock(&place.sx);
    }
    ksl_mutex_release(&other);
    ASSERT_SILENT();
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("order_full");
    TCase *t = order_case(s, "full");
    tcase_add_test(t, part2_more_classes_than_room);
    tcase_add_test(t, part2_more_locks_than_room);
    tcase_add_test(t, part2_more_pairs_than_room);
    t = order_case(s, "addresses");
    tcase_add_test(t, part2_memory_that_serves_another_lock);
    tcase_add_test(t, part2_static_memory_serves_one_lock);
    tcase_add_loop_test(t, part2_another_lock_at_the_address, 0, 2);
    return s;
}

int main(void)
{
    return support_run(suite());
}
