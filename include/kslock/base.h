/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_BASE_H
#define KSLOCK_BASE_H

/*
 * What every public header needs: linkage, visibility and the version.
 */

#define KSL_VERSION_MAJOR 0
#define KSL_VERSION_MINOR 1
#define KSL_VERSION_PATCH 0

#ifdef __cplusplus
#define KSL_BEGIN_DECLS extern "C" {
#define KSL_END_DECLS }
#else
#define KSL_BEGIN_DECLS
#define KSL_END_DECLS
#endif

/* Conversions and the null pointer, for C and for C++ compilers with all their warnings.
 */
#ifdef __cplusplus
#define KSL_CAST(type, value) static_cast<type>(value)
#define KSL_RECAST(type, value) reinterpret_cast<type>(value)
#define KSL_NULL nullptr
#else
#define KSL_CAST(type, value) ((type)(value))
#define KSL_RECAST(type, value) ((type)(value))
#define KSL_NULL ((void *)0)
#endif

/* Everything that the library exports, and nothing else, carries this mark. */
#define KSL_API __attribute__((visibility("default")))

/*
 * Gives a kernel's own name to one of our symbols: the name exists for the
 * compiler alone, so a program may define a function of the same name.
 */
#define KSL_SYMBOL(name) __asm__(#name)

/* Says KSLOCK=annotate for the program, see <kslock/diag.h>. */
#if defined(KSL_ANNOTATE) && KSL_ANNOTATE
KSL_BEGIN_DECLS
KSL_API int ksl_diag_enable(const char *list);
KSL_END_DECLS
__attribute__((constructor(103), unused)) static void ksl_annotate_(void)
{
    (void)ksl_diag_enable("annotate");
}
#endif

#endif
