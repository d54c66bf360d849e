/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load for memcached over its Unix socket.
 *
 *   real_memcached SOCKET PID LOCKS [SECONDS [CLIENTS]]     (default 1 4)
 *
 * Each client is a thread with a connection of its own that sends 32 requests at a time,
 * 90% get and 10% set of 2000 keys, and reads the answers: so the server spends its time
 * with requests and not in system calls. A set stands between gets as any request.
 *
 * Prints "result memcached LOCKS REQUESTS/S P50 P99 P99.9 CPU", the times (us) those of a
 * batch of 32. Exit status 1 with a message if the server does not answer as it should.
 */
#define _GNU_SOURCE 1

#include "latency.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

enum { KEYS = 2000, BATCH = 32, WRITES_OF_100 = 10, MAX_CLIENTS = 64, VALUE = 100 };

struct client {
    pthread_t thread;
    uint32_t seed;
    int fd;
    struct latency times;
};

static struct client clients[MAX_CLIENTS];
static bool stop; /* atomic */
static pthread_barrier_t start;

__attribute__((noreturn)) static void fail(const char *what)
{
    fprintf(stderr, "real_memcached: %s\n", what);
    exit(1);
}

static int connect_to(const char *path)
{
    struct sockaddr_un a = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof a.sun_path)
        fail("the name of the socket is too long");
    strcpy(a.sun_path, path);
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&a, sizeof a) != 0)
        fail("cannot connect");
    return fd;
}

static void send_all(int fd, const char *data, size_t size)
{
    while (size > 0) {
        ssize_t n = write(fd, data, size);
        if (n <= 0)
            fail("the server has closed the connection");
        data += n;
        size -= (size_t)n;
    }
}

/* Every answer ends with a line END (get) or STORED (set); others are errors. */
static size_t answers_in(const char *text)
{
    size_t n = 0;
    for (const char *p = text; (p = strstr(p, "\r\n")) != NULL; p += 2) {
        n += p - text >= 3 && memcmp(p - 3, "END", 3) == 0;
        n += p - text >= 6 && memcmp(p - 6, "STORED", 6) == 0;
        if (p - text >= 5 && memcmp(p - 5, "ERROR", 5) == 0)
            fail("the server does not understand");
    }
    return n;
}

static void receive(int fd, size_t answers)
{
    char text[BATCH * (VALUE + 64) + 1];
    size_t used = 0;
    size_t seen;
    do {
        ssize_t n = read(fd, text + used, sizeof text - 1 - used);
        if (n <= 0)
            fail("the server has closed the connection");
        used += (size_t)n;
        text[used] = '\0';
        seen = text[used - 1] == '\n' ? answers_in(text) : 0;
    } while (seen < answers);
}

static size_t add_set(char *to, uint32_t key)
{
    size_t n = (size_t)sprintf(to, "set key%06u 0 0 %d\r\n", key, VALUE);
    memset(to + n, (int)('a' + key % 26), VALUE);
    memcpy(to + n + VALUE, "\r\n", 2);
    return n + VALUE + 2;
}

static void fill(int fd)
{
    char text[VALUE + 64];
    for (uint32_t key = 0; key < KEYS; key++) {
        send_all(fd, text, add_set(text, key));
        receive(fd, 1);
    }
}

static void *work(void *arg)
{
    struct client *c = arg;
    char text[BATCH * (VALUE + 64)];
    pthread_barrier_wait(&start);
    while (!__atomic_load_n(&stop, __ATOMIC_RELAXED)) {
        size_t size = 0;
        for (unsigned i = 0; i < BATCH; i++) {
            uint32_t random = latency_random(&c->seed);
            uint32_t key = random / 128 % KEYS;
            if (random % 100 < WRITES_OF_100)
                size += add_set(text + size, key);
            else
                size += (size_t)sprintf(text + size, "get key%06u\r\n", key);
        }
        uint64_t since = latency_now();
        send_all(c->fd, text, size);
        receive(c->fd, BATCH);
        latency_add(&c->times, latency_now() - since);
    }
    return NULL;
}

/* Processor time of another process, s. */
static double processor_of(const char *pid)
{
    char name[64];
    unsigned long user;
    unsigned long system;
    (void)snprintf(name, sizeof name, "/proc/%s/stat", pid);
    FILE *f = fopen(name, "r");
    /* The name of the program is in brackets; user and system time are fields 14, 15. */
    if (f == NULL ||
        fscanf(f, "%*d (%*[^)]) %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %lu %lu",
               &user, &system) != 2)
        fail("there is no such server");
    (void)fclose(f);
    return (double)(user + system) / (double)sysconf(_SC_CLK_TCK);
}

int main(int argc, char **argv)
{
    static struct latency all;
    double seconds = argc > 4 ? strtod(argv[4], NULL) : 1;
    unsigned count = argc > 5 ? (unsigned)strtoul(argv[5], NULL, 10) : 4;
    if (argc < 4 || seconds <= 0 || count == 0 || count > MAX_CLIENTS) {
        fprintf(stderr,
                "usage: real_memcached SOCKET PID LOCKS [SECONDS [CLIENTS (1..%d)]]\n",
                MAX_CLIENTS);
        return 2;
    }
    pthread_barrier_init(&start, NULL, count + 1);
    for (unsigned i = 0; i < count; i++) {
        clients[i].seed = 2654435761u * (i + 1);
        clients[i].fd = connect_to(argv[1]);
        if (i == 0)
            fill(clients[i].fd);
        if (pthread_create(&clients[i].thread, NULL, work, &clients[i]) != 0)
            abort();
    }
    pthread_barrier_wait(&start);
    uint64_t since = latency_now();
    double processor = processor_of(argv[2]);
    struct timespec ts = {.tv_sec = (time_t)seconds};
    ts.tv_nsec = (long)((seconds - (double)ts.tv_sec) * 1e9);
    nanosleep(&ts, NULL);
    __atomic_store_n(&stop, true, __ATOMIC_RELAXED);
    for (unsigned i = 0; i < count; i++) {
        pthread_join(clients[i].thread, NULL);
        latency_merge(&all, &clients[i].times);
    }
    double took = (double)(latency_now() - since) / 1e9;
    processor = processor_of(argv[2]) - processor;
    latency_print(&all, "memcached", argv[3], took / BATCH, processor / BATCH);
    return 0;
}
