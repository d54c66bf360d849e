/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_rwsem.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_rwsem torture_row_rwsem_inlined
#define torture_row_rwsem_nested torture_row_rwsem_nested_inlined
#define torture_row_rwsem_meet torture_row_rwsem_meet_inlined
#include "rows_rwsem.c"
