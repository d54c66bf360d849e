/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS_PARAM_H
#define KSLOCK_FREEBSD_SYS_PARAM_H

/*
 * FreeBSD's <sys/param.h>: the host's, and what users of sx(9), mutex(9) and
 * sleep(9) take from it. Error numbers are the host's: EWOULDBLOCK 11,
 * ERESTART 85.
 */

#ifdef __GNUC__
#pragma GCC system_header /* for the next line, an extension */
#endif
#include_next <sys/param.h>

#include <errno.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* The host hides them from strictly conforming programs. */
typedef unsigned char u_char;
typedef unsigned short u_short;
typedef unsigned int u_int;
typedef unsigned long u_long;

/* Flags and mask of the priority argument of the sleeping calls. */
#define PRIMASK 0x0ff /* accepted, changes nothing */
#define PCATCH 0x100  /* signals end the sleep */
#define PDROP 0x200   /* return without the interlock */
#define PNOLOCK 0x400 /* an untimed sleep without interlock is meant */
#define PBDRY 0x400

/* Sleep priorities, smaller is more urgent. */
#define PRI_MIN_KERN 80
#define PSWP (PRI_MIN_KERN + 0)
#define PVM (PRI_MIN_KERN + 4)
#define PINOD (PRI_MIN_KERN + 8)
#define PRIBIO (PRI_MIN_KERN + 12)
#define PVFS (PRI_MIN_KERN + 16)
#define PZERO (PRI_MIN_KERN + 20)
#define PSOCK (PRI_MIN_KERN + 24)
#define PWAIT (PRI_MIN_KERN + 28)
#define PLOCK (PRI_MIN_KERN + 32)
#define PPAUSE (PRI_MIN_KERN + 36)

#endif
