#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_headers.sh COMPILER c11|c++17 INCLUDE_DIR
# Compiles each header below INCLUDE_DIR alone, included twice, as strict standard C
# or C++. A native header is named as its kernel's sources name it; Stanix's
# in each profile. In C++ with the warnings about C's casts and null pointers, and with
# programs that use the macros (expand/).
set -eu

here=$(cd "$(dirname "$0")" && pwd)

compiler=$1
standard=$2
include=$3

warnings='-Wall -Wextra -Wpedantic -Wconversion -Wshadow -Werror'
case $standard in
c++*)
    language=c++
    warnings="$warnings -Wold-style-cast -Wzero-as-null-pointer-constant"
    if : | "$compiler" -x c++ -fsyntax-only -Werror -Wuseless-cast - 2>/dev/null; then
        warnings="$warnings -Wuseless-cast"
    fi
    ;;
*) language=c ;;
esac

bad=0
count=0

check() # HEADER-AS-INCLUDED OPTION...
{
    header=$1
    shift
    count=$((count + 1))
    # shellcheck disable=SC2086 # the warnings are words
    if ! printf '#include <%s>\n#include <%s>\ntypedef int header_alone;\n' "$header" "$header" |
        "$compiler" -x $language -std="$standard" -fsyntax-only $warnings -I"$include" "$@" -; then
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

for native in "$include"/kslock/native/*; do
    native=${native##*/}
    [ $language = c++ ] && [ -e "$here/expand/$native.cc" ] || continue
    count=$((count + 1))
    # shellcheck disable=SC2086
    if ! "$compiler" -std="$standard" -fsyntax-only $warnings -I"$include" \
        -I"$include/kslock/native/$native" "$here/expand/$native.cc"; then
        echo "expand/$native.cc does not compile"
        bad=$((bad + 1))
    fi
done

echo "$count compilations, $bad failed"
[ "$bad" -eq 0 ] && [ "$count" -gt 0 ]
