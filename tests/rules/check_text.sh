#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_text.sh TOP
# No mark of unfinished work and no path of somebody's machine in the project's
# files; each source file names its licence in the first two lines.
set -eu

cd "$1"
# Spelled so that this file does not find itself.
marks="TO""DO|FIX""ME|XX""X|HA""CK"
homes="ho""me|ro""ot|wo""rk|Us""ers"

files=$(find . -name .git -prune -o -path './build*' -type d -prune -o -name .cache -prune -o -type f \
    \( -name '*.[ch]' -o -name '*.cpp' -o -name '*.sh' -o -name '*.cmake' -o -name '*.in' \
    -o -name '*.md' -o -name '*.txt' -o -name '*.map' -o -name 'CMake*.json' \
    -o -path './.ci/*' \) -print)
[ -n "$files" ] || {
    echo "no files found in $1"
    exit 1
}

printf '%s\n' "$files" | awk -v marks="(^|[^A-Za-z_])($marks)([^A-Za-z_]|\$)" \
    -v paths="(^|[^A-Za-z0-9._/-])/($homes)/[A-Za-z0-9_.-]" '
    function broken(what) {
        printf "%s:%d: %s\n    %s\n", file, number, what, line
        bad++
    }
    {
        file = substr($0, 3)
        number = 0
        licensed = file !~ /\.([ch]|cpp|sh|cmake)$/ && file !~ /CMakeLists\.txt$/
        while ((getline line < file) > 0) {
            number++
            if (line ~ marks)
                broken("mark of unfinished work")
            if (line ~ paths)
                broken("path of a machine")
            if (number <= 2 && line ~ /SPDX-License-Identifier: BSD-2-Clause/)
                licensed = 1
        }
        close(file)
        if (!licensed) {
            number = 1
            line = ""
            broken("no licence line")
        }
        files++
    }
    END {
        printf "%d files, %d findings\n", files, bad
        exit bad > 0
    }'
