/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A writer that spins for a disabled read-write lock keeps later readers out; so the lock
 * may not come to shares in slots, where the writer's mark would not be seen.
 */
#include "../native/aix_test.h"

#include "lock/rw.h"
#include "platform/testing.h"

#include <string.h>

static Drw_lock lock;
static struct puppet first, second, writer;
static int spins[2]; /* atomic: turns of the writer, of the second reader */
static __thread int me;

static void hook(const char *where)
{
    if (me > 0 && strcmp(where, "spin: turn") == 0)
        ADD(&spins[me - 1], 1);
}

static int share(void *l)
{
    int before = i_disable(INTCLASS0);
    drw_lock_read(l);
    return before;
}

static int give_back(void *l)
{
    drw_lock_done(l);
    i_enable(INTBASE);
    return 0;
}

static int share_second(void *l)
{
    me = 2;
    return share(l);
}

static int own(void *l)
{
    me = 1;
    (void)i_disable(INTCLASS0);
    drw_lock_write(l);
    return 0;
}

START_TEST(aix_drw_writer_keeps_later_readers_out)
{
    puppet_start(&first);
    puppet_start(&second);
    puppet_start(&writer);
    for (int i = 0; i < 100; i++) {
        ask(&first, share, &lock);
        ask(&first, give_back, &lock);
    }
    ck_assert_uint_eq(lock.ksl_word & KSI_SLOTS, 0);
    ask(&first, share, &lock);
    STORE(&ksi_point_hook, hook);
    tell(&writer, own, &lock);
    WAIT_UNTIL(LOAD(&spins[0]) > 2);
    tell(&second, share_second, &lock);
    WAIT_UNTIL(LOAD(&spins[1]) > 2 || done(&second));
    ck_assert(!done(&second));
    ask(&first, give_back, &lock);
    (void)answer(&writer);
    ask(&writer, give_back, &lock);
    (void)answer(&second);
    ask(&second, give_back, &lock);
    STORE(&ksi_point_hook, NULL);
    puppet_end(&writer);
    puppet_end(&second);
    puppet_end(&first);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("regress_aix_drw");
    TCase *tc = tcase_create("drw");
    tcase_add_test(tc, aix_drw_writer_keeps_later_readers_out);
    suite_add_tcase(s, tc);
    return support_run(s);
}
