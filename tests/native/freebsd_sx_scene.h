/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_NATIVE_FREEBSD_SX_SCENE_H
#define TESTS_NATIVE_FREEBSD_SX_SCENE_H

/* A lock, a puppet for it, and no violation until they are gone. */

#include "freebsd_sx_puppet.h"

static inline void begin(struct sx *sx, const char *description, int flags,
                         struct puppet *p)
{
    recorder_start();
    puppet_start(p);
    sx_init_flags(sx, description, flags);
}

static inline void end(struct sx *sx, struct puppet *p)
{
    puppet_end(p);
    sx_destroy(sx);
    ck_assert_uint_eq(recorder_count(NULL), 0);
}

#endif
