/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSI_PLATFORM_COMPILER_H
#define KSI_PLATFORM_COMPILER_H

#define KSI_LIKELY(x) __builtin_expect(!!(x), 1)
#define KSI_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define KSI_COLD __attribute__((cold, noinline))
/* Off the fast paths, but what they go by while diagnostics are on. */
#define KSI_ASIDE __attribute__((noinline))
#define KSI_PRINTF(fmt_, args_) __attribute__((format(printf, fmt_, args_)))

/* 1 in a build that ThreadSanitizer watches; clang has no macro of its own for it. */
#if defined(__SANITIZE_THREAD__)
#define KSI_RACE_DETECTOR 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define KSI_RACE_DETECTOR 1
#endif
#endif
#ifndef KSI_RACE_DETECTOR
#define KSI_RACE_DETECTOR 0
#endif

/* The place in the caller's code that a message names. */
#define KSI_SITE() __builtin_return_address(0)

#endif
