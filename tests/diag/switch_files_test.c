/* SPDX-License-Identifier: BSD-2-Clause */

/* ksl_diag_enable: files that a list empties, if all of it is right. */

#include "support.h"

#include <kslock/diag.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static const char *const wrong[] = {
    "trace=%s,nonsense",  "graph=%s,nonsense", "stats=%s,nonsense",
    "report=%s,nonsense", "trace=%s,hang=0",   "trace=%s,graph=no-such-folder/x",
};

static const char *const right[] = {"trace=%s", "graph=%s"};

static char name[32];

static int new_file(void)
{
    (void)snprintf(name, sizeof name, "kslock-old-XXXXXX");
    int fd = mkstemp(name);
    ck_assert_int_ge(fd, 0);
    ck_assert_int_eq(write(fd, "old", 3), 3);
    return fd;
}

static int enable(const char *form)
{
    char list[128];
    (void)snprintf(list, sizeof list, form, name);
    return ksl_diag_enable(list);
}

START_TEST(part2_a_wrong_list_leaves_the_file_as_it_is)
{
    int fd = new_file();
    ck_assert_int_eq(enable(wrong[_i]), -EINVAL);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 3);
    close(fd);
    unlink(name);
}
END_TEST

START_TEST(part2_a_right_list_empties_the_file_at_once)
{
    int fd = new_file();
    ck_assert_int_eq(enable(right[_i]), 0);
    ck_assert_int_eq(lseek(fd, 0, SEEK_END), 0);
    close(fd);
    unlink(name);
}
END_TEST

int main(void)
{
    Suite *s = suite_create("switch_files");
    TCase *c = tcase_create("files");
    tcase_add_loop_test(c, part2_a_wrong_list_leaves_the_file_as_it_is, 0,
                        sizeof wrong / sizeof *wrong);
    tcase_add_loop_test(c, part2_a_right_list_empties_the_file_at_once, 0,
                        sizeof right / sizeof *right);
    suite_add_tcase(s, c);
    return support_run(s);
}
