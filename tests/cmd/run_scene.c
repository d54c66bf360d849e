/* SPDX-License-Identifier: BSD-2-Clause */
/* A program to be run with diagnostics: takes two locks, one in the other; exits with 7.
 */

#include <kslock/kslock.h>
#include <sys/param.h>

#include <sys/lock.h>
#include <sys/sx.h>

int main(void)
{
    static struct sx outer;
    static struct sx inner;
    sx_init(&outer, "outer \"lock\"");
    sx_init(&inner, "inner lock");
    sx_xlock(&outer);
    sx_xlock(&inner);
    sx_xunlock(&inner);
    sx_xunlock(&outer);
    return 7;
}
