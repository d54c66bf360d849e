/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * The operations of every_instruction_test: locks that threads of AIX share with their
 * interrupt handlers. The inlined paths of the header are part of this file.
 */

#if defined(__x86_64__)

#include <sys/intr.h>
#include <sys/lock_def.h>

#include "every_instruction.h"

static simple_lock_data lock, nested;
static int handled; /* atomic: handlers that have had the lock */

static void before(void)
{
    simple_lock_init(&lock);
    simple_lock_init(&nested);
    STORE(&handled, 0);
}

/* Nobody has it, and the priority is the one before. */
static void after(void)
{
    CHECK(ksl_irq_enabled());
    CHECK(simple_lock_try(&lock));
    simple_unlock(&lock);
    CHECK(LOAD(&room.inside) == 0);
}

/* Masks less than all, but its own interrupt. */
static void op_disable_class(void)
{
    int old = disable_lock(INTCLASS2, &lock);
    STORE(&room.inside, 1);
    CHECK(old == INTBASE);
    STORE(&room.inside, 0);
    unlock_enable(old, &lock);
}

static void op_disable_all(void)
{
    int old = disable_lock(INTMAX, &lock);
    STORE(&room.inside, 1);
    STORE(&room.inside, 0);
    unlock_enable(old, &lock);
}

static void op_disable_nested(void)
{
    int first = disable_lock(INTCLASS2, &lock);
    int second = disable_lock(INTMAX, &nested);
    CHECK(second == INTCLASS2);
    unlock_enable(second, &nested);
    STORE(&room.inside, 1);
    STORE(&room.inside, 0);
    unlock_enable(first, &lock);
}

static void handler_takes(void)
{
    CHECK(LOAD(&room.inside) == 0);
    int old = disable_lock(INTMAX, &lock);
    ADD(&handled, 1);
    unlock_enable(old, &lock);
}

/* Another lock, while the thread may hold the first one. */
static void op_enabled(void)
{
    CHECK(simple_lock_try(&nested));
    CHECK(!simple_lock_try(&nested));
    simple_unlock(&nested);
}

/* clang-format off */
#define AIX(name_, op_)                                                                  \
    .name = name_, .before = before, .stepped = op_, .after = after,                     \
    .handler = handler_takes, .dense = SHORT_PATH

const struct op aix_ops[] = {
    {AIX("disable_lock, a class", op_disable_class)},
    {AIX("disable_lock, all", op_disable_all)},
    {AIX("disable_lock, nested", op_disable_nested)},
    {AIX("simple_lock_try, the handler has another lock", op_enabled)},
};
/* clang-format on */

const int aix_ops_count = sizeof aix_ops / sizeof *aix_ops;

#endif
