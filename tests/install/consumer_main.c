/* SPDX-License-Identifier: BSD-2-Clause */

#include <stdio.h>

int consumer_c(void);
int consumer_cpp(void);

int main(void)
{
    if (consumer_c() != 0 || consumer_cpp() != 0) {
        puts("a lock of the installed library does not work");
        return 1;
    }
    return 0;
}
