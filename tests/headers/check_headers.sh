#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_headers.sh COMPILER c11|c++17 INCLUDE_DIR
# Compiles each header below INCLUDE_DIR alone, included twice, as strict standard C
# or C++. A native header is named as its kernel's sources name it; Stanix's
# in each profile.
set -eu

compiler=$1
standard=$2
include=$3

case $standard in
c++*) language=c++ ;;
*) language=c ;;
esac

bad=0
count=0

check() # HEADER-AS-INCLUDED OPTION...
{
    header=$1
    shift
    count=$((count + 1))
    if ! printf '#include <%s>\n#include <%s>\ntypedef int header_alone;\n' "$header" "$header" |
        "$compiler" -x $language -std="$standard" -fsyntax-only -Wall -Wextra -Wpedantic \
            -Wconversion -Wshadow -Werror -I"$include" "$@" -; then
        echo "$header does not compile alone: $*"
        bad=$((bad + 1))
    fi
}

for file in $(cd "$include" && find . -name '*.h' | sort); do
    file=${file#./}
    case $file in
    kslock/native/*)
        rest=${file#kslock/native/}
        native=${rest%%/*}
        header=${rest#*/}
        check "$header" -I"$include/kslock/native/$native"
        if [ "$native" = stanix ]; then
            check "$header" -I"$include/kslock/native/$native" -DKSL_STANIX_PROFILE=3
        fi
        ;;
    *) check "$file" ;;
    esac
done

echo "$count compilations, $bad failed"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
