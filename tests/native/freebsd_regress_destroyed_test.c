/* SPDX-License-Identifier: BSD-2-Clause */

/* A fault of earlier versions: calls of what is no lock judged something else first. */
#include <sys/param.h>

#include <sys/condvar.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include "support.h"

#include <errno.h>
#include <string.h>

static struct sx sx;
static struct mtx mtx;
static int channel;

/* Each call of a lock that is not one. The expected result is in `wanted`. */
static int wanted, got;

static void call_sx(int i)
{
    struct cv cv;
    cv_init(&cv, "cv");
    wanted = got = 0;
    switch (i) {
    case 0:
        sx_slock(&sx);
        break;
    case 1:
        sx_xlock(&sx);
        break;
    case 2:
        sx_sunlock(&sx);
        break;
    case 3:
        sx_xunlock(&sx);
        break;
    case 4:
        sx_unlock(&sx);
        break;
    case 5:
        got = sx_try_slock(&sx);
        break;
    case 6:
        got = sx_try_xlock(&sx);
        break;
    case 7:
        got = sx_try_upgrade(&sx);
        break;
    case 8:
        sx_downgrade(&sx);
        break;
    case 9:
        wanted = EDEADLK, got = sx_slock_sig(&sx);
        break;
    case 10:
        wanted = EDEADLK, got = sx_xlock_sig(&sx);
        break;
    case 11:
        sx_assert(&sx, SA_UNLOCKED);
        break;
    case 12:
        sx_assert(&sx, 0x99);
        break; /* destroyed is judged first */
    case 13:
        wanted = EINVAL, got = sx_sleep(&channel, &sx, 0, "w", 1);
        break;
    case 14:
        wanted = EINVAL, got = sx_sleep(&channel, &sx, 0, "w", -1);
        break;
    case 15:
        wanted = EINVAL, got = sx_sleep(NULL, &sx, 0, "w", 1);
        break;
    case 16:
        wanted = EINVAL, got = cv_timedwait(&cv, &sx, 1);
        break;
    case 17:
        sx_destroy(&sx);
        break;
    case 18:
        got = sx_xlocked(&sx);
        break;
    case 19:
        got = sx_xholder(&sx) != NULL;
        break;
    default:
        got = sx_has_waiters(&sx);
        break;
    }
}

static void call_mtx(int i)
{
    wanted = got = 0;
    switch (i) {
    case 0:
        mtx_lock(&mtx);
        break;
    case 1:
        mtx_unlock(&mtx);
        break;
    case 2:
        got = mtx_trylock(&mtx);
        break;
    case 3:
        mtx_lock_spin(&mtx);
        break;
    case 4:
        got = mtx_trylock_spin(&mtx);
        break;
    case 5:
        mtx_unlock_spin(&mtx);
        break;
    case 6:
        mtx_assert(&mtx, MA_NOTOWNED);
        break;
    case 7:
        wanted = EINVAL, got = msleep(&channel, &mtx, 0, "w", 1);
        break;
    case 8:
        wanted = EINVAL, got = msleep(&channel, &mtx, 0, "w", -1);
        break;
    case 9:
        wanted = EINVAL, got = msleep_spin(&channel, &mtx, "w", 1);
        break;
    default:
        mtx_destroy(&mtx);
        break;
    }
}

enum { SX_CALLS = 21, MTX_CALLS = 11 };

static const int fills[] = {0x00, 0x5a, 0xa5, 0xcc, 0xff};
enum { FILLS = sizeof fills / sizeof *fills };

/*
 * The inlined sx_slock looks at one bit of the word only: with junk in which that is
 * set it is left out.
 */
static void check_sx_calls(const char *memory, int fill)
{
    struct sx before = sx;
    for (int i = (fill & KSL_WORD_BIAS) != 0 ? 1 : 0; i < SX_CALLS; i++) {
        recorder_start();
        call_sx(i);
        ck_assert_msg(recorder_count(NULL) == 1 && recorder_count("destroyed") == 1,
                      "%s %x, call %d: %u, %s", memory, (unsigned)fill, i,
                      recorder_count(NULL), recorder_last().message);
        ck_assert_msg(got == wanted, "%s, call %d: %d", memory, i, got);
        ck_assert_msg(memcmp(&before, &sx, sizeof sx) == 0, "%s, call %d", memory, i);
    }
}

START_TEST(destroyed_comes_first_for_every_call)
{
    for (int f = 0; f < FILLS; f++) {
        memset(&sx, fills[f], sizeof sx);
        check_sx_calls("junk", fills[f]);
        memset(&mtx, fills[f], sizeof mtx);
        for (int i = 0; i < MTX_CALLS; i++) {
            recorder_start();
            call_mtx(i);
            ck_assert_msg(recorder_count(NULL) == 1 && recorder_count("destroyed") == 1,
                          "junk %x, mutex call %d: %u, %s", (unsigned)fills[f], i,
                          recorder_count(NULL), recorder_last().message);
            ck_assert_int_eq(got, wanted);
        }
    }
    sx_init(&sx, "ended");
    for (int i = 0; i < 100; i++) {
        sx_slock(&sx);
        sx_sunlock(&sx);
    }
    sx_destroy(&sx);
    check_sx_calls("destroyed", 0);
}
END_TEST

/* Sleeps take either kind. */
START_TEST(destroyed_names_what_the_call_is_for)
{
    for (int i = 0; i < MTX_CALLS; i++) {
        bool spins = (i >= 3 && i <= 5) || i == 9;
        if (i == 7 || i == 8)
            continue;
        memset(&mtx, 0, sizeof mtx);
        recorder_start();
        call_mtx(i);
        ck_assert_msg(strstr(recorder_last().message,
                             spins ? ": spin mutex 0x" : ": mutex 0x") != NULL,
                      "call %d: %s", i, recorder_last().message);
    }
    recorder_stop();
}
END_TEST

int main(void)
{
    Suite *s = suite_create("freebsd regress destroyed");
    TCase *tc = tcase_create("destroyed");
    tcase_add_test(tc, destroyed_comes_first_for_every_call);
    tcase_add_test(tc, destroyed_names_what_the_call_is_for);
    suite_add_tcase(s, tc);
    return support_run(s);
}
