/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * A small driver as it stands in a kernel: only FreeBSD's headers. A ring of
 * requests that a worker adds up.
 */
/* In the order of such files. */
/* clang-format off */
#include <sys/param.h>
#include <sys/systm.h>
#include <sys/kernel.h>
#include <sys/proc.h>
#include <sys/lock.h>
#include <sys/mutex.h>
#include <sys/sx.h>
#include <sys/condvar.h>
/* clang-format on */

#define ADDER_UNITS 2
#define ADDER_RING 8

#define ADDERIOC_SETFACTOR 1ul
#define ADDERIOC_GETFACTOR 2ul
#define ADDERIOC_GETSUM 3ul
#define ADDERIOC_RESET 4ul

#define ADDER_DYING 0x01
#define ADDER_WORKER 0x02

struct adder_softc {
    int sc_attached;   /* under adder_list */
    struct sx sc_conf; /* protects sc_factor and sc_opens */
    struct mtx sc_mtx; /* protects what follows */
    struct cv sc_idle; /* nothing is queued or under way */
    int sc_factor;
    int sc_opens;
    int sc_flags;
    u_int sc_head;
    u_int sc_count;
    u_int sc_busy;
    u_long sc_sum;
    struct thread *sc_worker;
    int sc_ring[ADDER_RING];
};

static struct adder_softc adder_units[ADDER_UNITS];
static struct sx adder_list; /* protects attach and detach */
SX_SYSINIT_FLAGS(adder_list_init, &adder_list, "adder list", SX_DUPOK);

int adder_attach(u_int unit);
int adder_detach(u_int unit);
int adder_open(u_int unit);
int adder_close(u_int unit);
int adder_write(u_int unit, const int *values, u_int n);
int adder_drain(u_int unit, int timo);
int adder_ioctl(u_int unit, u_long cmd, u_long *data);
void adder_worker(void *arg);
void *adder_worker_arg(u_int unit);

int adder_attach(u_int unit)
{
    struct adder_softc *sc;

    if (unit >= ADDER_UNITS)
        return (ENXIO);
    sc = &adder_units[unit];
    sx_xlock(&adder_list);
    if (sc->sc_attached) {
        sx_xunlock(&adder_list);
        return (EBUSY);
    }
    bzero(sc, sizeof(*sc));
    sx_init(&sc->sc_conf, "adder conf");
    mtx_init(&sc->sc_mtx, "adder", NULL, MTX_DEF);
    cv_init(&sc->sc_idle, "adidle");
    sc->sc_factor = 1;
    sc->sc_attached = 1;
    sx_xunlock(&adder_list);
    return (0);
}

int adder_detach(u_int unit)
{
    struct adder_softc *sc = &adder_units[unit];
    int error = 0;

    sx_xlock(&adder_list);
    sx_slock(&sc->sc_conf);
    if (sc->sc_opens > 0)
        error = EBUSY;
    sx_sunlock(&sc->sc_conf);
    if (error != 0) {
        sx_xunlock(&adder_list);
        return (error);
    }
    mtx_lock(&sc->sc_mtx);
    sc->sc_flags |= ADDER_DYING;
    wakeup(&sc->sc_ring);
    while (sc->sc_flags & ADDER_WORKER)
        mtx_sleep(&sc->sc_worker, &sc->sc_mtx, PWAIT, "adgone", 60 * hz);
    KASSERT(sc->sc_count == 0, ("%s: unit %u not drained", __func__, unit));
    mtx_unlock(&sc->sc_mtx);
    cv_destroy(&sc->sc_idle);
    mtx_destroy(&sc->sc_mtx);
    sx_destroy(&sc->sc_conf);
    sc->sc_attached = 0;
    sx_xunlock(&adder_list);
    return (0);
}

int adder_open(u_int unit)
{
    struct adder_softc *sc = &adder_units[unit];
    int error;

    error = sx_xlock_sig(&sc->sc_conf);
    if (error != 0)
        return (error);
    sc->sc_opens++;
    sx_xunlock(&sc->sc_conf);
    return (0);
}

int adder_close(u_int unit)
{
    struct adder_softc *sc = &adder_units[unit];

    sx_xlock(&sc->sc_conf);
    MPASS(sc->sc_opens > 0);
    sc->sc_opens--;
    sx_unlock(&sc->sc_conf);
    return (0);
}

/* Waits for room; a signal ends the wait. */
int adder_write(u_int unit, const int *values, u_int n)
{
    struct adder_softc *sc = &adder_units[unit];
    int error = 0;
    u_int i;

    mtx_lock(&sc->sc_mtx);
    for (i = 0; i < n; i++) {
        while (error == 0 && sc->sc_count == ADDER_RING)
            error = msleep(&sc->sc_count, &sc->sc_mtx, PCATCH | PWAIT, "adroom", 0);
        if (error != 0)
            break;
        sc->sc_ring[(sc->sc_head + sc->sc_count++) % ADDER_RING] = values[i];
        wakeup_one(&sc->sc_ring);
    }
    mtx_unlock(&sc->sc_mtx);
    return (error);
}

/* Waits until all is added; timo in ticks, 0 for no limit. */
int adder_drain(u_int unit, int timo)
{
    struct adder_softc *sc = &adder_units[unit];
    int error = 0;

    mtx_lock(&sc->sc_mtx);
    while (error == 0 && (sc->sc_count > 0 || sc->sc_busy > 0)) {
        if (timo > 0)
            error = cv_timedwait_sig(&sc->sc_idle, &sc->sc_mtx, timo);
        else
            error = cv_wait_sig(&sc->sc_idle, &sc->sc_mtx);
    }
    mtx_unlock(&sc->sc_mtx);
    return (error);
}

static int adder_set_factor(struct adder_softc *sc, u_long factor)
{
    int error = 0;

    /* The usual case changes nothing and needs a share only. */
    sx_slock(&sc->sc_conf);
    if ((u_long)sc->sc_factor == factor) {
        sx_sunlock(&sc->sc_conf);
        return (0);
    }
    if (!sx_try_upgrade(&sc->sc_conf)) {
        sx_sunlock(&sc->sc_conf);
        sx_xlock(&sc->sc_conf);
    }
    sx_assert(&sc->sc_conf, SA_XLOCKED);
    if (factor == 0)
        error = EINVAL;
    else
        sc->sc_factor = (int)factor;
    sx_downgrade(&sc->sc_conf);
    sx_assert(&sc->sc_conf, SA_SLOCKED);
    sx_unlock(&sc->sc_conf);
    return (error);
}

int adder_ioctl(u_int unit, u_long cmd, u_long *data)
{
    struct adder_softc *sc = &adder_units[unit];

    switch (cmd) {
    case ADDERIOC_SETFACTOR:
        return (adder_set_factor(sc, *data));
    case ADDERIOC_GETFACTOR:
        sx_slock(&sc->sc_conf);
        *data = (u_long)sc->sc_factor;
        sx_sunlock(&sc->sc_conf);
        return (0);
    case ADDERIOC_GETSUM:
    case ADDERIOC_RESET:
        mtx_lock(&sc->sc_mtx);
        *data = sc->sc_sum;
        if (cmd == ADDERIOC_RESET)
            sc->sc_sum = 0;
        mtx_unlock(&sc->sc_mtx);
        return (0);
    default:
        return (ENOTTY);
    }
}

void *adder_worker_arg(u_int unit)
{
    return (&adder_units[unit]);
}

static void adder_one(struct adder_softc *sc)
{
    int value, factor;

    mtx_assert(&sc->sc_mtx, MA_OWNED);
    value = sc->sc_ring[sc->sc_head];
    sc->sc_head = (sc->sc_head + 1) % ADDER_RING;
    if (sc->sc_count-- == ADDER_RING)
        wakeup(&sc->sc_count);
    sc->sc_busy++;
    mtx_unlock(&sc->sc_mtx);

    sx_slock(&sc->sc_conf);
    factor = sc->sc_factor;
    sx_sunlock(&sc->sc_conf);

    mtx_lock(&sc->sc_mtx);
    sc->sc_sum += (u_long)(value * factor);
    sc->sc_busy--;
    if (sc->sc_count == 0 && sc->sc_busy == 0)
        cv_broadcast(&sc->sc_idle);
}

/* The body of the kernel thread. */
void adder_worker(void *arg)
{
    struct adder_softc *sc = arg;

    mtx_lock(&sc->sc_mtx);
    sc->sc_worker = curthread;
    sc->sc_flags |= ADDER_WORKER;
    wakeup(&sc->sc_worker);
    for (;;) {
        if (sc->sc_count > 0)
            adder_one(sc);
        else if (sc->sc_flags & ADDER_DYING)
            break;
        else
            msleep(&sc->sc_ring, &sc->sc_mtx, PWAIT, "adwork", hz);
    }
    sc->sc_flags &= ~ADDER_WORKER;
    wakeup(&sc->sc_worker);
    mtx_unlock(&sc->sc_mtx);
}
