/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Rwsem: a sleeping reader/writer lock with owners. A waiting writer keeps
 * new readers out, but a thread that reads already enters again.
 */

#include "example.h"

#include <kernel/rwsem.h>

static rwsem_t sem; /* zero-filled is ready to use */
static int value;
static int seen;
static ksl_thread *writer_thread;
static ksl_thread *reader_thread;

static void *writer(void *arg)
{
    (void)arg;
    make_known(&writer_thread);
    rwsem_acquire_write(&sem);
    rwsem_acquire_write(&sem); /* the writer may write again ... */
    rwsem_acquire_read(&sem);  /* ... and read */
    value = 42;
    rwsem_release_write(&sem);
    rwsem_release_read(&sem);
    rwsem_release_write(&sem);
    return NULL;
}

static void *reader(void *arg)
{
    (void)arg;
    make_known(&reader_thread);
    rwsem_acquire_read(&sem);
    seen = value;
    rwsem_release_read(&sem);
    return NULL;
}

/* Readers enter together: this one while main reads. */
static void *guest(void *arg)
{
    (void)arg;
    rwsem_acquire_read(&sem);
    CHECK(value == 0);
    rwsem_release_read(&sem);
    return NULL;
}

int main(void)
{
    rwsem_acquire_read(&sem);
    join(start(guest, NULL));

    pthread_t w = start(writer, NULL);
    wait_asleep(&writer_thread);
    pthread_t r = start(reader, NULL); /* stays behind the writer */
    wait_asleep(&reader_thread);

    rwsem_acquire_read(&sem); /* our second read hold: enters at once */
    CHECK(value == 0);
    rwsem_release_read(&sem);
    CHECK(ksl_thread_asleep(writer_thread)); /* our first hold is still there */
    rwsem_release_read(&sem);

    join(w);
    join(r);
    CHECK(seen == 42);
    printf("rwsem: the writer came first, the reader behind it saw %d\n", seen);
    return 0;
}
