/* SPDX-License-Identifier: BSD-2-Clause */
#include "thread/exiting.h"

#include "platform/atomic.h"
#include "platform/host.h"
#include "platform/testing.h"

#include <stdlib.h>
#include <unistd.h>

static int exiting; /* atomic */

bool ksi_process_exiting(void)
{
    return ksi_load(&exiting) != 0;
}

static void note_exit(void)
{
    KSI_DELAY_POINT("exit: begins");
    ksi_store(&exiting, 1);
}

static void note_thread_exit(void *arg)
{
    (void)arg;
    note_exit();
}

extern int __cxa_thread_atexit_impl(void (*fn)(void *), void *arg, void *dso)
    __attribute__((weak));
extern void *__dso_handle __attribute__((visibility("hidden")));

/*
 * At exit the thread-local destructors of the thread that calls it come first; the main
 * thread's come at no other time. Functions given to atexit come before the
 * destructors of objects, unless they were given before the program started: then
 * those of shared objects run first.
 */
__attribute__((constructor(101))) static void watch_main_thread(void)
{
    if (ksi_host_tid() != getpid())
        ksi_watch_exit(); /* loaded by a thread, so the program has started */
    else if (__cxa_thread_atexit_impl != NULL)
        __cxa_thread_atexit_impl(note_thread_exit, NULL, &__dso_handle);
}

void ksi_watch_exit(void)
{
    static int watched; /* atomic */
    if (ksi_xchg(&watched, 1) != 0)
        return;
    KSI_DELAY_POINT("exit: watch");
    (void)atexit(note_exit);
}
