/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_CXX_CHECK_H
#define TESTS_SUPPORT_CXX_CHECK_H

/* For C++ programs, which are without Check: they count what failed. */

#include <cstdio>

namespace
{

int failures;

void check(bool ok, const char *what)
{
    if (!ok) {
        failures++;
        std::fprintf(stderr, "failed: %s\n", what);
    }
}

} // namespace

#define CHECK(expr) check((expr), #expr)

#endif
