# SPDX-License-Identifier: BSD-2-Clause

set(THREADS_PREFER_PTHREAD_FLAG ON)
find_package(Threads REQUIRED)
find_package(PkgConfig REQUIRED)
pkg_check_modules(URCU REQUIRED IMPORTED_TARGET GLOBAL liburcu-bp)

# What users of the static library link, by name; an archive stands before those
# that it needs.
set(KSLOCK_URCU_NAMES ${URCU_LIBRARIES})
list(REVERSE KSLOCK_URCU_NAMES)
