/* SPDX-License-Identifier: BSD-2-Clause */
#define _GNU_SOURCE 1

#include "report_json.h"
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/*
 * The form of Google Benchmark: for each lock of each test one entry a round (run_type
 * iteration) and four aggregates. Times are ns per operation, all threads together.
 * "ratio" is that to the baseline in the same round, larger is slower in every test.
 */
static FILE *file;
static const char *file_name;
static bool first = true;

static void put_string(const char *s)
{
    fputc('"', file);
    for (; *s != '\0'; s++) {
        if (*s == '"' || *s == '\\')
            fputc('\\', file);
        if ((unsigned char)*s >= ' ')
            fputc(*s, file);
    }
    fputc('"', file);
}

static void put_context(int argc, char **argv)
{
    char host[256] = "";
    char date[64] = "";
    double load[3] = {0, 0, 0};
    time_t now = time(NULL);
    struct tm tm;
    (void)gethostname(host, sizeof host - 1);
    if (localtime_r(&now, &tm) != NULL)
        strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S%z", &tm);
    (void)getloadavg(load, 3);
    fprintf(file,
            "{\n  \"context\": {\n    \"date\": \"%s\",\n    \"host_name\": ", date);
    put_string(host);
    fprintf(file, ",\n    \"executable\": ");
    put_string(argv[0]);
    fprintf(file,
            ",\n    \"num_cpus\": %u,\n    \"mhz_per_cpu\": 0,\n"
            "    \"cpu_scaling_enabled\": false,\n    \"caches\": [],\n"
            "    \"load_avg\": [%.2f,%.2f,%.2f],\n    \"library_build_type\": \"%s\",\n"
            "    \"kslock_library\": ",
            drivers_processors(), load[0], load[1], load[2],
#ifdef __OPTIMIZE__
            "release"
#else
            "debug"
#endif
    );
    put_string(report_library());
    fprintf(file, ",\n    \"arguments\": [");
    for (int i = 1; i < argc; i++) {
        if (i > 1)
            fputc(',', file);
        put_string(argv[i]);
    }
    fprintf(file, "]\n  },\n  \"benchmarks\": [");
}

void json_open(const char *name, int argc, char **argv)
{
    file_name = name;
    file = fopen(name, "w");
    if (file == NULL)
        report_failed(name);
    put_context(argc, argv);
}

static void put_number(const char *name, double value)
{
    if (value >= 0)
        fprintf(file, ",\"%s\":%.7g", name, value);
}

static void begin_entry(const struct row *row, const struct test *t, const char *suffix,
                        unsigned rounds)
{
    char run[160];
    char name[192];
    snprintf(run, sizeof run, "%s/%s", t->name, row->adapter->name);
    snprintf(name, sizeof name, "%s%s", run, suffix);
    fprintf(file, "%s\n    {\"name\":", first ? "" : ",");
    first = false;
    put_string(name);
    fprintf(file, ",\"run_name\":");
    put_string(run);
    fprintf(file, ",\"repetitions\":%u,\"threads\":%u", rounds, t->load.threads);
}

static void put_times(double real, double cpu)
{
    fprintf(file, ",\"real_time\":%.7g,\"cpu_time\":%.7g,\"time_unit\":\"ns\"", real,
            cpu);
}

static void put_round(const struct row *row, const struct test *t, unsigned round,
                      unsigned rounds, double seconds)
{
    const struct sample *s = &row->samples[round];
    double operations = seconds * 1e9 / s->ns;
    begin_entry(row, t, "", rounds);
    fprintf(file,
            ",\"run_type\":\"iteration\",\"repetition_index\":%u,\"iterations\":%.0f",
            round, operations < 1 ? 1 : operations);
    put_times(s->ns, s->cpu_ns);
    if (row->baseline != NULL)
        put_number("ratio", s->ns / row->baseline->samples[round].ns);
    if (s->reference > 0)
        put_number("self_ratio", s->ns / s->reference);
    if (kind_is_throughput(t->kind))
        put_number("items_per_second", 1e9 / s->ns);
    put_number("fairness", s->fairness);
    put_number("voluntary_switches_per_second", s->voluntary);
    put_number("involuntary_switches_per_second", s->involuntary);
    put_number("longest_wait_us", s->wait_us);
    put_number("interrupts_per_second", s->interrupts);
    fprintf(file, "}");
}

static void put_aggregate(const struct row *row, const struct test *t, unsigned rounds,
                          const char *name, double real, double cpu)
{
    char suffix[16];
    bool median = strcmp(name, "median") == 0;
    snprintf(suffix, sizeof suffix, "_%s", name);
    begin_entry(row, t, suffix, rounds);
    fprintf(file,
            ",\"run_type\":\"aggregate\",\"aggregate_name\":\"%s\","
            "\"aggregate_unit\":\"%s\",\"iterations\":%u",
            name, strcmp(name, "cv") == 0 ? "percentage" : "time", rounds);
    put_times(real, cpu);
    if (median && row->baseline != NULL) {
        fprintf(file, ",\"baseline\":");
        put_string(row->baseline->adapter->name);
    }
    if (median && row->best_peer != NULL) {
        fprintf(file, ",\"best_peer\":");
        put_string(row->best_peer->adapter->name);
    }
    fprintf(file, "}");
}

void json_row(const struct row *row, const struct test *t, unsigned rounds,
              double seconds)
{
    const struct spread *ns = &row->ns;
    const struct spread *cpu = &row->cpu_ns;
    if (file == NULL)
        return;
    for (unsigned r = 0; r < rounds; r++)
        put_round(row, t, r, rounds, seconds);
    put_aggregate(row, t, rounds, "mean", ns->mean, cpu->mean);
    put_aggregate(row, t, rounds, "median", ns->median, cpu->median);
    put_aggregate(row, t, rounds, "stddev", ns->deviation, cpu->deviation);
    put_aggregate(row, t, rounds, "cv", ns->mean > 0 ? ns->deviation / ns->mean : 0,
                  cpu->mean > 0 ? cpu->deviation / cpu->mean : 0);
}

void json_close(void)
{
    if (file == NULL)
        return;
    fprintf(file, "\n  ]\n}\n");
    if (ferror(file) != 0 || fclose(file) != 0)
        report_failed(file_name);
    file = NULL;
}
