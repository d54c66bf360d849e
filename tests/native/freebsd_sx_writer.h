/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_SX_WRITER_H
#define TESTS_NATIVE_FREEBSD_SX_WRITER_H

/* A writer waits for a lock that the main thread shares. */

#include "freebsd_sx_puppet.h"

static struct scene {
    struct sx sx;
    struct sx other;
    struct puppet writer;
    struct puppet reader;
} scene;

static inline void setup(void)
{
    recorder_start();
    sx_init(&scene.sx, "scene");
    sx_init(&scene.other, "other");
    puppet_start(&scene.writer);
    puppet_start(&scene.reader);
    sx_slock(&scene.sx);
    tell_blocked(&scene.writer, xlock, &scene.sx);
}

static inline void teardown(void)
{
    puppet_end(&scene.writer);
    puppet_end(&scene.reader);
    sx_destroy(&scene.sx);
    sx_destroy(&scene.other);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

/* The share of the main thread goes, the writer has its turn. */
static inline void let_the_writer_in(void)
{
    ck_assert(!done(&scene.writer));
    sx_sunlock(&scene.sx);
    WAIT_UNTIL(done(&scene.writer));
    (void)ask(&scene.writer, unlock, &scene.sx);
}

#endif
