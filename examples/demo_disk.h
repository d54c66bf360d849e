/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_DISK_H
#define DEMO_DISK_H

/*
 * Test bench of the bottom half in demo_strategy.c: a simulated disk with an interrupt
 * line, and threads that write the progress of the driver to it and read it back. Once
 * in a program.
 */

#include "demo_chardev.h"

#include <stdbool.h>

/* Until disk_stop. careless: see strategy_start. Returns 0 or -errno. Context: main
 * thread. */
int disk_start(struct chardev *dev, bool careless);
void disk_stop(void);

/* After disk_stop. disk_good prints what is wrong. */
void disk_print(void);
bool disk_good(void);

#endif
