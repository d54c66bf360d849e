/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_KSLOCK_H
#define KSLOCK_KSLOCK_H

/* The whole core API. */

#include <kslock/base.h>
#include <kslock/cond.h>
#include <kslock/diag.h>
#include <kslock/irq.h>
#include <kslock/mutex.h>
#include <kslock/rwlock.h>
#include <kslock/rwsem.h>
#include <kslock/signal.h>
#include <kslock/sleepq.h>
#include <kslock/spinlock.h>
#include <kslock/stage.h>
#include <kslock/thread.h>
#include <kslock/violation.h>

#endif
