/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_mutex.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_mutex torture_row_mutex_inlined
#define torture_row_mutex_try torture_row_mutex_try_inlined
#define torture_row_mutex_pair torture_row_mutex_pair_inlined
#define torture_row_last_out torture_row_last_out_inlined
#include "rows_mutex.c"
