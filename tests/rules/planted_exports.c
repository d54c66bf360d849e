/* SPDX-License-Identifier: BSD-2-Clause */
/* A library that exports what ours must not: a kernel's bare name. */

void mutex_init(void);
void ksl_mutex_init(void);

void mutex_init(void)
{
}

void ksl_mutex_init(void)
{
}
