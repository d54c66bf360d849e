/* SPDX-License-Identifier: BSD-2-Clause */
/* rows_spin.c as a program has it: with all that the headers inline. */
#undef KSL_NO_INLINE
#define torture_row_spinlock torture_row_spinlock_inlined
#define torture_row_spinlock_try torture_row_spinlock_try_inlined
#define torture_row_rwlock torture_row_rwlock_inlined
#define torture_row_rwlock_try torture_row_rwlock_try_inlined
#define torture_row_irq torture_row_irq_inlined
#include "rows_spin.c"
