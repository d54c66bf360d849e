/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * SX_SYSINIT, SX_SYSINIT_FLAGS and MTX_SYSINIT: ready in ordinary constructors,
 * not destroyed at exit, destroyed when a module is unloaded. Arguments: a
 * module (freebsd_sysinit_module_other.c), then a word for children.
 */
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/systm.h>

#include <kslock/irq.h>
#include <kslock/violation.h>

#include "outcome.h"
#include "support.h"

#include <dlfcn.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct sx early, early_recursive;
static struct mtx early_mtx, early_spin;

/* freebsd_sysinit_other.c generates the same names. */
SX_SYSINIT(init, &early, "early sx");
SX_SYSINIT_FLAGS(init_flags, &early_recursive, "early recursive sx", SX_RECURSE);
MTX_SYSINIT(init_mtx, &early_mtx, "early mutex", MTX_DEF);
MTX_SYSINIT(init_spin, &early_spin, "early spin mutex", MTX_SPIN);

/* What the other file has, and whether its locks are as they should be. */
int freebsd_sysinit_other(void);

/* Initialised by the module, but in memory that outlives it. */
struct sx freebsd_sysinit_module_sx;
struct mtx freebsd_sysinit_module_mtx;

static bool use_all(void)
{
    bool ok = true;
    sx_slock(&early);
    ok = ok && sx_try_upgrade(&early);
    sx_xunlock(&early);
    sx_xlock(&early_recursive);
    sx_xlock(&early_recursive);
    ok = ok && sx_xlocked(&early_recursive);
    sx_xunlock(&early_recursive);
    sx_xunlock(&early_recursive);
    mtx_lock(&early_mtx);
    ok = ok && mtx_owned(&early_mtx);
    mtx_unlock(&early_mtx);
    mtx_lock_spin(&early_spin);
    ok = ok && !ksl_irq_enabled();
    mtx_unlock_spin(&early_spin);
    return ok && ksl_irq_enabled() && ksl_violation_count() == 0;
}

static bool good_in_constructor;
static bool is_child;

__attribute__((constructor)) static void use_early(void)
{
    good_in_constructor = use_all() && freebsd_sysinit_other() == 0;
}

__attribute__((destructor)) static void use_late(void)
{
    if (is_child && !use_all())
        fprintf(stderr, "kslock: not usable in a destructor\n");
}

START_TEST(sysinit_usable_in_an_ordinary_constructor)
{
    ck_assert(good_in_constructor);
}
END_TEST

START_TEST(sysinit_the_same_names_in_two_files)
{
    ck_assert_int_eq(freebsd_sysinit_other(), 0);
    ck_assert_str_eq(early.lock_object.lo_name, "early sx");
    ck_assert_uint_ne(early.lock_object.lo_flags & LO_INITIALIZED, 0);
    ck_assert_str_eq(mtx_name(&early_spin), "early spin mutex");
}
END_TEST

START_TEST(sysinit_flags)
{
    recorder_start();
    sx_xlock(&early);
    sx_xlock(&early);
    ASSERT_VIOLATED("recursion");
    sx_xunlock(&early);
    recorder_stop();
}
END_TEST

START_TEST(sysinit_called_by_hand)
{
    struct sx sx;
    struct mtx mtx;
    struct sx_args sx_args = {&sx, "by hand", SX_RECURSE};
    struct mtx_args mtx_args = {&mtx, "by hand", MTX_DEF};
    recorder_start();
    sx_sysinit(&sx_args);
    mtx_sysinit(&mtx_args);
    sx_xlock(&sx);
    sx_xlock(&sx);
    sx_xunlock(&sx);
    sx_xunlock(&sx);
    mtx_lock(&mtx);
    mtx_unlock(&mtx);
    mtx_destroy(&mtx);
    sx_destroy(&sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

/* ---- modules ---- */

static const char *program, *module;

static void *load(void)
{
    void *handle = dlopen(module, RTLD_NOW | RTLD_LOCAL);
    ck_assert_msg(handle != NULL, "%s", dlerror());
    return handle;
}

static void check_unloaded(void)
{
    ck_assert_uint_eq(freebsd_sysinit_module_sx.lock_object.lo_flags & LO_INITIALIZED, 0);
    ck_assert_int_eq(mtx_initialized(&freebsd_sysinit_module_mtx), 0);
    recorder_start();
    sx_xlock(&freebsd_sysinit_module_sx);
    ASSERT_VIOLATED("destroyed");
    recorder_start();
    mtx_lock(&freebsd_sysinit_module_mtx);
    ASSERT_VIOLATED("destroyed");
}

START_TEST(sysinit_dlclose_destroys)
{
    for (int i = 0; i < 3; i++) {
        recorder_start();
        void *handle = load();
        int (*use)(void);
        *(void **)&use = dlsym(handle, "freebsd_sysinit_module_use");
        ck_assert(use != NULL);
        ck_assert_int_eq(use(), 0);
        sx_slock(&freebsd_sysinit_module_sx);
        sx_sunlock(&freebsd_sysinit_module_sx);
        mtx_lock(&freebsd_sysinit_module_mtx);
        mtx_unlock(&freebsd_sysinit_module_mtx);
        ck_assert_int_eq(dlclose(handle), 0);
        ck_assert_uint_eq(recorder_count(NULL), 0);
        check_unloaded();
    }
    recorder_stop();
}
END_TEST

START_TEST(sysinit_dlclose_with_one_held)
{
    void *handle = load();
    sx_xlock(&freebsd_sysinit_module_sx);
    recorder_start();
    ck_assert_int_eq(dlclose(handle), 0);
    ASSERT_VIOLATED("destroy-held");
    recorder_start();
    sx_xunlock(&freebsd_sysinit_module_sx); /* the destruction was refused */
    ck_assert_uint_eq(recorder_count(NULL), 0);
    recorder_stop();
}
END_TEST

/* ---- the end of the process ---- */

static int child_main(const char *how)
{
    is_child = true;
    if (strcmp(how, "free") == 0)
        return 0;
    is_child = false; /* what is held cannot be used by the destructor */
    if (strcmp(how, "module") == 0) {
        if (dlopen(module, RTLD_NOW | RTLD_LOCAL) == NULL)
            return 3;
        sx_xlock(&freebsd_sysinit_module_sx);
        mtx_lock(&freebsd_sysinit_module_mtx);
        return 0;
    }
    sx_slock(&early);
    sx_xlock(&early_recursive);
    mtx_lock(&early_mtx);
    if (strcmp(how, "spin") == 0)
        mtx_lock_spin(&early_spin);
    if (strcmp(how, "exit") == 0)
        exit(0);
    return 0;
}

static void run_again(const void *how)
{
    alarm(2 * SUPPORT_DEADLINE_S);
    support_exec((const char *const[]){program, module, how, NULL});
    _exit(6);
}

static void run(const char *how, char *output, size_t size)
{
    int status = child_output(run_again, how, output, size);
    ck_assert_msg(ended_well(status), "%s: status %x: %s", how, (unsigned)status, output);
}

START_TEST(sysinit_exit_destroys_nothing)
{
    static const char *const how[] = {"free", "held", "exit", "spin", "module"};
    static char output[8192];
    run(how[_i], output, sizeof output);
    ck_assert_msg(strstr(output, "kslock:") == NULL, "%s: %s", how[_i], output);
}
END_TEST

static Suite *suite(void)
{
    Suite *s = suite_create("freebsd sysinit");
    TCase *tc = tcase_create("sysinit");
    tcase_add_test(tc, sysinit_usable_in_an_ordinary_constructor);
    tcase_add_test(tc, sysinit_the_same_names_in_two_files);
    tcase_add_test(tc, sysinit_flags);
    tcase_add_test(tc, sysinit_called_by_hand);
    tcase_add_test(tc, sysinit_dlclose_destroys);
    tcase_add_test(tc, sysinit_dlclose_with_one_held);
    tcase_add_loop_test(tc, sysinit_exit_destroys_nothing, 0, 5);
    suite_add_tcase(s, tc);
    return s;
}

int main(int argc, char **argv)
{
    if (argc < 2)
        return EXIT_FAILURE;
    program = argv[0];
    module = argv[1];
    if (argc > 2)
        return child_main(argv[2]);
    return support_run(suite());
}
