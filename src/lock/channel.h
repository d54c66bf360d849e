/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_LOCK_CHANNEL_H
#define KSI_LOCK_CHANNEL_H

#include "lock/named.h"
#include "wait/lot.h"

/* One sleep on a channel or condition variable. */
struct ksi_sleep {
    const void *key;
    enum ksi_queue_kind kind; /* KSI_Q_CHANNEL, KSI_Q_CV */
    uint32_t *counter;        /* of waiters, NULL for none */
    const char *call;         /* for messages */
    const char *what;         /* what is waited for, may be NULL */
    struct ksi_named *lock;   /* interlock, NULL for none */
    bool spinning;            /* it is a spinning mutex */
    bool interruptible;
    bool drop; /* do not take the interlock again */
    int ticks; /* 0: no end */
    const void *site;
};

/* Returns 0 or a positive error: EWOULDBLOCK, EINTR, ERESTART; EINVAL if refused. */
int ksi_sleep(const struct ksi_sleep *s);

/* A violation of such a sleep; returns EINVAL. */
KSI_COLD int ksi_sleep_refuse(const struct ksi_sleep *s, enum ksi_rule rule,
                              const char *why);

enum ksi_wake_who { KSI_WAKE_ALL, KSI_WAKE_URGENT, KSI_WAKE_LAST };
void ksi_wakeup(const void *key, enum ksi_queue_kind kind, enum ksi_wake_who who);

/* Ticks a second, at least 1; ticks since the library was loaded. */
int ksi_hz(void);
int ksi_ticks(void);

#endif
