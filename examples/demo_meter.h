/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef DEMO_METER_H
#define DEMO_METER_H

/*
 * Test bench of the recorder in demo_gate.c: an out-of-band interrupt that ticks, and
 * in-band threads that read the samples. Once in a program.
 */

#include "demo_chardev.h"

#include <stdbool.h>

/*
 * Records the progress of the driver until meter_stop. careless: see gate_start.
 * Returns 0 or -errno. Context: main thread.
 */
int meter_start(struct chardev *dev, bool careless);
void meter_stop(void);

/* After meter_stop. meter_good prints what is wrong. */
void meter_print(void);
bool meter_good(void);

#endif
