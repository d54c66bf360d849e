/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_TORTURE_ROWS_EVL_H
#define TESTS_TORTURE_ROWS_EVL_H

#include "torture.h"

#include <evl/stax.h>
#include <evl/thread.h>

/* The caller's stage. */
void go_oob(struct party *me);
void go(struct party *me, bool oob);

#endif
