/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef TESTS_SUPPORT_SANITIZED_H
#define TESTS_SUPPORT_SANITIZED_H

/*
 * RACE_DETECTOR: 1 under ThreadSanitizer, whose runtime has limits of its own (signals,
 * children of fork, the end of a thread).
 * SANITIZED: 1 under it and under AddressSanitizer, where all takes longer.
 * gcc says so by macros, clang by __has_feature only.
 *
 * ON_VALGRIND: not 0 under a tool of valgrind; known at run time.
 */

#if defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define RACE_DETECTOR 1
#elif __has_feature(address_sanitizer)
#define SANITIZED 1
#endif
#endif
#if defined(__SANITIZE_THREAD__)
#define RACE_DETECTOR 1
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#endif
#ifndef RACE_DETECTOR
#define RACE_DETECTOR 0
#endif
#if RACE_DETECTOR
#define SANITIZED 1
#endif
#ifndef SANITIZED
#define SANITIZED 0
#endif

#if defined(__has_include)
#if __has_include(<valgrind/valgrind.h>)
#include <valgrind/valgrind.h>
#define ON_VALGRIND (RUNNING_ON_VALGRIND != 0)
#endif
#endif
#ifndef ON_VALGRIND
#define ON_VALGRIND 0
#endif

#endif
