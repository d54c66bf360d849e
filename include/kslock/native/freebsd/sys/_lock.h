/* SPDX-License-Identifier: BSD-2-Clause */
#ifndef KSLOCK_FREEBSD_SYS__LOCK_H
#define KSLOCK_FREEBSD_SYS__LOCK_H

/* How struct sx and struct mtx begin. */
struct lock_object {
    const char *lo_name;   /* the caller's string, not copied */
    unsigned int lo_flags; /* LO_*: LO_INITIALIZED while the lock may be used */
    unsigned int lo_data;  /* levels of recursion beyond the first */
    void *lo_witness;      /* not used */
};

#endif
