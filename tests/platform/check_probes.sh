#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_probes.sh LIBRARY CC: each probe of platform/probe.h is in the library's notes, once
# or more often, if there was <sys/sdt.h>.
set -eu

library=$1
cc=$2
if ! echo '#include <sys/sdt.h>' | "$cc" -E - >/dev/null 2>&1; then
    echo "skipped: no <sys/sdt.h>"
    exit 77
fi
command -v readelf >/dev/null || exit 77
notes=$(readelf -n "$library")
status=0
for probe in sleep__begin sleep__end wake bias__withdrawn irq__begin irq__end violation; do
    if ! printf '%s\n' "$notes" | grep -q "Name: $probe\$"; then
        echo "missing: kslock:$probe"
        status=1
    fi
done
exit $status
