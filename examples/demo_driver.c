/* SPDX-License-Identifier: BSD-2-Clause */

/*
 * Test bench of the driver in demo_chardev.c: a simulated device with an
 * interrupt line plays a file into it, and what comes out is compared with
 * the file, byte for byte. Driver and device are written for Stanix, the
 * routing table by which the blocks are booked for FreeBSD, the recorder of the
 * driver's progress for EVL, the bottom half of the disk that keeps it for AIX.
 *
 *   demo_driver [options] [FILE]
 *
 * Without FILE the device plays text files of this system. Exit status: 0 all
 * bytes and tables are right, 1 they are not, 2 the run could not be made.
 */

#include "demo_chardev.h"
#include "demo_disk.h"
#include "demo_meter.h"
#include "demo_options.h"
#include "demo_routes.h"
#include "demo_source.h"

#include <kslock/irq.h>
#include <kslock/violation.h>

#include <errno.h>
#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { IRQ = 5, IRQ_LEVEL = 4 };

static const size_t system_text_bytes = (size_t)16 << 20;
static const uint64_t ns_per_s = 1000000000;

/* The device: bytes behind a port. The driver's lock guards pos. */
struct device {
    struct bytes tape;
    size_t pos;
    size_t flip; /* flips a bit of the byte at this position; SIZE_MAX: of none */
};

static size_t device_fetch(void *arg, uint8_t *to, size_t max, bool *at_end)
{
    struct device *d = arg;
    size_t left = d->tape.len - d->pos;
    size_t len = left < max ? left : max;
    if (len > 0)
        memcpy(to, d->tape.data + d->pos, len);
    if (d->flip >= d->pos && d->flip - d->pos < len)
        to[d->flip - d->pos] ^= 1;
    d->pos += len;
    *at_end = d->pos == d->tape.len;
    return len;
}

static void device_irq(int irq, void *arg)
{
    (void)irq;
    chardev_interrupt(arg);
}

static uint64_t now_ns(void)
{
    struct timespec ts;
    clock_gettime(CLOCK_MONOTONIC, &ts);
    return (uint64_t)ts.tv_sec * ns_per_s + (uint64_t)ts.tv_nsec;
}

/* Until the deadline; interrupts that hit this thread do not cut it short. */
static void sleep_until_ns(uint64_t deadline)
{
    struct timespec ts = {.tv_sec = (time_t)(deadline / ns_per_s),
                          .tv_nsec = (long)(deadline % ns_per_s)};
    while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &ts, NULL) == EINTR)
        ;
}

static void show_progress(const struct chardev *dev, size_t total)
{
    uint64_t done;
    do {
        done = chardev_progress(dev);
        fprintf(stderr, "\r%3u%%  %8.1f MB", (unsigned)(total ? done * 100 / total : 100),
                (double)done / 1e6);
        fflush(stderr);
        if (done < total)
            sleep_until_ns(now_ns() + ns_per_s / 10);
    } while (done < total);
    fprintf(stderr, "\r                    \r");
}

/* Plays the tape through the driver; *ns gets the time. False: no run. */
static bool play_tape(struct chardev *dev, const struct options *o, size_t total,
                      uint64_t *ns)
{
    uint64_t period = ns_per_s / o->hz;
    uint64_t start = now_ns();
    int error = chardev_start(dev, o->readers);
    if (error != 0) {
        fprintf(stderr, "demo: cannot start the driver: %s\n", strerror(-error));
        return false;
    }
    error = ksl_irq_request(IRQ, KSL_STAGE_INBAND, IRQ_LEVEL, device_irq, dev);
    if (error == 0) {
        error = ksl_irq_timer(IRQ, period, period);
        if (error == 0) {
            if (!o->quiet && isatty(STDERR_FILENO))
                show_progress(dev, total);
            chardev_drain(dev);
            (void)ksl_irq_timer(IRQ, 0, 0);
        }
        (void)ksl_irq_free(IRQ);
    }
    chardev_stop(dev);
    *ns = now_ns() - start;
    if (error != 0)
        fprintf(stderr, "demo: cannot start the interrupt: %s\n", strerror(-error));
    return error == 0;
}

static void *reloader_thread(void *arg)
{
    const bool *torn = arg;
    routes_reloader(*torn);
    return NULL;
}

/* The same while the disk is at work. */
static bool play_kept(struct chardev *dev, const struct options *o, size_t total,
                      uint64_t *ns)
{
    int error = disk_start(dev, o->lose);
    if (error != 0) {
        fprintf(stderr, "demo: cannot start the disk: %s\n", strerror(-error));
        return false;
    }
    bool ok = play_tape(dev, o, total, ns);
    disk_stop();
    return ok;
}

/* The same while the recorder is at work. */
static bool play_recorded(struct chardev *dev, const struct options *o, size_t total,
                          uint64_t *ns)
{
    int error = meter_start(dev, o->gate);
    if (error != 0) {
        fprintf(stderr, "demo: cannot start the recorder: %s\n", strerror(-error));
        return false;
    }
    bool ok = play_kept(dev, o, total, ns);
    meter_stop();
    return ok;
}

/* The same while a reloader replaces the routing table. */
static bool play(struct chardev *dev, const struct options *o, size_t total, uint64_t *ns)
{
    bool torn = o->torn;
    pthread_t reloader;
    int error = pthread_create(&reloader, NULL, reloader_thread, &torn);
    if (error != 0) {
        fprintf(stderr, "demo: cannot start the reloader: %s\n", strerror(error));
        return false;
    }
    routes_wait();
    bool ok = play_recorded(dev, o, total, ns);
    routes_stop();
    (void)pthread_join(reloader, NULL);
    return ok;
}

static void print_routes(void)
{
    struct routes_stats s;
    routes_get_stats(&s);
    printf("routes      %" PRIu64 " reloads, %" PRIu64 " of them by an upgrade, %" PRIu64
           " lookups\n",
           s.reloads, s.upgrades, s.lookups);
    printf("accounts   ");
    for (int i = 0; i < ROUTES_ACCOUNTS; i++)
        printf(" %" PRIu64, s.bytes[i]);
    printf("  (bytes booked)\n");
}

static void print_stats(struct chardev *dev, const struct options *o, size_t total,
                        uint64_t ns)
{
    struct chardev_stats s;
    chardev_get_stats(dev, &s);
    double seconds = (double)ns / 1e9;
    printf("bytes       %zu in %.2f s, %.2f MB/s\n", total, seconds,
           (double)total / 1e6 / seconds);
    printf("interrupts  %" PRIu64 " taken, %.0f a second, %" PRIu64
           " with the ring full\n",
           s.interrupts, (double)s.interrupts / seconds, s.stalls);
    printf("readers     %" PRIu64 " sleeps, %" PRIu64 " wake-ups sent\n", s.sleeps,
           s.wakeups);
    printf("order       %" PRIu64 " blocks finished early, %" PRIu64 " held up\n",
           s.ahead, s.held_up);
    printf("tables      %" PRIu64 " rewrites\n", s.rewrites);
    printf("blocks     ");
    for (unsigned i = 0; i < o->readers; i++)
        printf(" %" PRIu64, s.blocks[i]);
    printf("  (one number per reader)\n");
    print_routes();
    meter_print();
    disk_print();
}

/* Compares with the source read afresh; prints what differs. */
static int compare(const struct options *o, const struct bytes *expected,
                   const struct bytes *got)
{
    uint64_t want_sum = bytes_fnv1a(expected);
    uint64_t got_sum = bytes_fnv1a(got);
    if (!o->quiet)
        printf("FNV-1a      %016" PRIx64 " read directly\n"
               "            %016" PRIx64 " through the driver\n",
               want_sum, got_sum);
    if (expected->len != got->len) {
        fprintf(stderr, "demo: %zu bytes through the driver, %zu in the source\n",
                got->len, expected->len);
        return EXIT_DIFFERS;
    }
    size_t wrong = 0;
    size_t first = 0;
    for (size_t i = got->len; i-- > 0;) {
        if (expected->data[i] != got->data[i]) {
            wrong++;
            first = i;
        }
    }
    if (wrong > 0 || want_sum != got_sum) {
        fprintf(stderr, "demo: bytes that differ: %zu, the first at offset %zu\n", wrong,
                first);
        return EXIT_DIFFERS;
    }
    if (!o->quiet)
        printf("result      all bytes are right\n");
    return 0;
}

/* The tables and the locking rules must have held, too. */
static int check_driver(struct chardev *dev)
{
    struct chardev_stats s;
    chardev_get_stats(dev, &s);
    if (s.torn != 0 || ksl_violation_count() != 0) {
        fprintf(stderr, "demo: %" PRIu64 " half-written tables seen, %lu broken rules\n",
                s.torn, ksl_violation_count());
        return EXIT_DIFFERS;
    }
    return 0;
}

/* So must the routing table; each block is booked once. */
static int check_routes(struct chardev *dev, size_t total)
{
    struct chardev_stats driver;
    struct routes_stats s;
    uint64_t surplus = 0;
    uint64_t bytes = 0;
    chardev_get_stats(dev, &driver);
    routes_get_stats(&s);
    for (int i = 0; i < ROUTES_ACCOUNTS; i++) {
        surplus += s.blocks[i];
        bytes += s.bytes[i];
    }
    for (int i = 0; i < CHARDEV_READERS; i++)
        surplus -= driver.blocks[i];
    if (s.torn != 0)
        fprintf(stderr, "demo: half-replaced routing table seen, times: %" PRIu64 "\n",
                s.torn);
    if (s.reloads == 0)
        fprintf(stderr, "demo: the routing table was never replaced\n");
    if (surplus != 0 || bytes != total)
        fprintf(stderr,
                "demo: %" PRIu64 " bytes of %zu booked, %" PRId64 " blocks too many\n",
                bytes, total, (int64_t)surplus);
    bool good = s.torn == 0 && s.reloads != 0 && surplus == 0 && bytes == total;
    return good ? 0 : EXIT_DIFFERS;
}

static int run(const struct options *o, const struct source *source, size_t limit)
{
    struct device device = {.flip = SIZE_MAX};
    struct bytes got = {0};
    struct bytes expected = {0};
    uint64_t ns = 0;
    int status = EXIT_NO_RUN;
    struct chardev *dev = calloc(1, sizeof(*dev));
    if (dev == NULL || !source_read(source, limit, &device.tape))
        goto out;
    if ((o->corrupt || o->torn) && device.tape.len == 0) {
        fprintf(stderr, "demo: no self-test with an empty file\n");
        goto out;
    }
    if (o->corrupt)
        device.flip = device.tape.len / 2;
    got.len = device.tape.len;
    got.data = calloc(1, got.len + 1);
    if (got.data == NULL)
        goto out;
    dev->port = (struct chardev_port){device_fetch, &device};
    dev->sink = got.data;
    if (!play(dev, o, got.len, &ns) || !source_read(source, limit, &expected))
        goto out;
    if (!o->quiet)
        print_stats(dev, o, got.len, ns);
    status = compare(o, &expected, &got);
    if (status == 0)
        status = check_driver(dev);
    if (status == 0)
        status = check_routes(dev, got.len);
    if (status == 0 && !(meter_good() && disk_good()))
        status = EXIT_DIFFERS;
out:
    free(dev);
    free(device.tape.data);
    free(got.data);
    free(expected.data);
    return status;
}

int main(int argc, char **argv)
{
    struct options o;
    struct source source;
    options_parse(argc, argv, &o);
    size_t limit = o.bytes;
    if (o.file == NULL && limit == SIZE_MAX)
        limit = system_text_bytes;
    if (!(o.file != NULL ? source_file(&source, o.file)
                         : source_system_text(&source, limit)))
        return EXIT_NO_RUN;
    if (!o.quiet)
        printf("source      %s\n", o.file != NULL ? o.file : "texts of this system");
    fflush(stdout);
    int status = run(&o, &source, limit);
    source_free(&source);
    return status;
}
