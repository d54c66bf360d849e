/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Complex locks: one writer or any number of readers. A read hold becomes a write hold
 * unless somebody else has asked to write: then it is gone, and what was read must be
 * looked at again. A write hold becomes a read hold without a gap.
 */

#include <sys/lock_alloc.h>
#include <sys/lock_def.h>

#include "example.h"

static complex_lock_data lock;
static int version;
static ksl_thread *upgrader_thread;
static ksl_thread *writer_thread;
static ksl_thread *reader_thread;
static int reader_saw;

/* Asks first, so it is the writer as soon as the other readers have left. */
static void *upgrader(void *arg)
{
    (void)arg;
    lock_read(&lock);
    make_known(&upgrader_thread);
    CHECK(lock_read_to_write(&lock) == FALSE); /* FALSE: it is the writer */
    CHECK(lock_mine(&lock));
    version++;
    lock_done(&lock);
    return NULL;
}

static void upgrade(void)
{
    /* A reader alone. */
    lock_read(&lock);
    CHECK(lock_islocked(&lock) && !lock_mine(&lock) && !lock_try_write(&lock));
    CHECK(lock_read_to_write(&lock) == FALSE && lock_mine(&lock));
    lock_done(&lock);

    /* Two readers, and both want to write. */
    lock_read(&lock);
    int seen = version;
    pthread_t thread = start(upgrader, NULL);
    wait_asleep(&upgrader_thread);
    CHECK(lock_try_read_to_write(&lock) == FALSE); /* failed, the hold is kept */
    CHECK(version == seen);
    CHECK(lock_read_to_write(&lock) == TRUE); /* failed, the hold is gone */
    lock_write(&lock);
    CHECK(version == seen + 1); /* the other one was here */
    version++;
    lock_done(&lock);
    join(thread);
    CHECK(!lock_islocked(&lock));
    printf("complex: of two upgrades one failed and had to look again\n");
}

static void *writer(void *arg)
{
    (void)arg;
    make_known(&writer_thread);
    lock_write(&lock);
    version = 0;
    lock_done(&lock);
    return NULL;
}

static void *reader(void *arg)
{
    (void)arg;
    make_known(&reader_thread);
    lock_read(&lock);
    reader_saw = version;
    lock_done(&lock);
    return NULL;
}

static void downgrade(void)
{
    lock_write(&lock);
    pthread_t writing = start(writer, NULL);
    wait_asleep(&writer_thread);
    pthread_t reading = start(reader, NULL);
    wait_asleep(&reader_thread);
    version = 42;
    lock_write_to_read(&lock);
    join(reading); /* readers come in, the writer still waits */
    CHECK(reader_saw == 42 && version == 42 && !lock_mine(&lock));
    wait_asleep(&writer_thread);
    lock_done(&lock);
    join(writing);
    CHECK(version == 0);
    printf("complex: a downgrade let the reader in, and no writer\n");
}

/* What the writer calls may take the lock again once it is recursive. */
static void nest(void)
{
    lock_write(&lock);
    CHECK(!lock_try_write(&lock) && !lock_try_read(&lock));
    lock_set_recursive(&lock);
    lock_write(&lock);
    lock_read(&lock);
    lock_done(&lock);
    lock_done(&lock);
    CHECK(lock_mine(&lock));
    lock_clear_recursive(&lock);
    lock_done(&lock);
    CHECK(!lock_islocked(&lock));
    printf("complex: three holds of a recursive lock, each given back\n");
}

int main(void)
{
    lock_alloc(&lock, LOCK_ALLOC_PAGED, 1, -1); /* names the lock in messages */
    lock_init(&lock, TRUE);
    upgrade();
    downgrade();
    nest();
    lock_free(&lock);
    return 0;
}
