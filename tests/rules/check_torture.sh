#!/bin/sh
# SPDX-License-Identifier: BSD-2-Clause
# check_torture.sh HEADERS TORTURE EXCEPTIONS
# Every call that a header below HEADERS declares or defines under a name of its kernel is
# used below TORTURE: by that name, by that of its symbol, or, for a macro and a function
# of a few lines, by what it consists of. EXCEPTIONS has a line `NAME: reason` for each
# other one; a line that nothing needs is wrong, too.
set -eu

headers=$1
torture=$2
exceptions=$3

words=$(find "$torture" -name '*.[ch]' -type f -exec cat {} + | tr -c 'A-Za-z0-9_' '\n' | sort -u)
[ -n "$words" ] || {
    echo "no sources found in $torture"
    exit 1
}

{
    printf '%s\n' "$words" | sed 's/^/word /'
    sed -n '/^[^#]/s/^/exception /p' "$exceptions"
    find "$headers" -name '*.h' -type f | sort | while IFS= read -r file; do
        sed 's/^/line /' "$file"
    done
} | awk '
    # name(arguments) rest: what it may be used by, as words
    function declare(name, rest,    i, n, parts) {
        if (name ~ /^(ksl|KSL)_/ || name ~ /^_/ || name !~ /^[a-z]/)
            return
        if (!(name in known))
            order[++names] = name
        known[name] = 1
        n = split(rest, parts, /[^A-Za-z0-9_(]+/)
        for (i = 1; i <= n; i++) {
            sub(/.*KSL_SYMBOL\(/, "", parts[i])
            if (match(parts[i], /^[a-z_][a-z0-9_]*/) && parts[i] !~ /^(if|while|for|return|sizeof)/)
                instead[name] = instead[name] " " substr(parts[i], 1, RLENGTH)
        }
    }

    # Words that are called in a text.
    function calls(text,    found) {
        found = ""
        while (match(text, /[a-z_][a-z0-9_]*\(/)) {
            found = found " " substr(text, RSTART, RLENGTH - 1)
            text = substr(text, RSTART + RLENGTH)
        }
        return found
    }

    function finish(    name, rest, body) {
        if (statement ~ /^#[ \t]*define[ \t]+[a-z][a-z0-9_]*\(/) {
            name = statement
            sub(/^#[ \t]*define[ \t]+/, "", name)
            body = name
            sub(/\(.*/, "", name)
            sub(/^[^)]*\)/, "", body)
            declare(name, calls(body))
        } else if (statement ~ /^[A-Za-z_][A-Za-z0-9_ \t*]*[ \t*][a-z][a-z0-9_]*\(/ && statement !~ /^(typedef|return)/) {
            rest = statement
            match(rest, /[a-z_][a-z0-9_]*\(/)
            name = substr(rest, RSTART, RLENGTH - 1)
            rest = substr(rest, RSTART + RLENGTH)
            body = ""
            if (match(rest, /KSL_SYMBOL\([a-z0-9_]+\)/))
                body = substr(rest, RSTART + 11, RLENGTH - 12)
            else if (rest ~ /\{/)
                body = calls(substr(rest, index(rest, "{")))
            declare(name, body)
        }
        statement = ""
    }

    $1 == "word" { used[$2] = 1; next }
    $1 == "exception" {
        name = $2
        sub(/:$/, "", name)
        if ($2 !~ /:$/ || NF < 3) {
            print "no reason: " $2
            bad++
        }
        excepted[name] = 1
        next
    }

    {
        line = substr($0, 6)
        gsub(/\/\*([^*]|\*[^\/])*\*\//, "", line)
        if (comment) {
            if (line !~ /\*\//)
                next
            sub(/.*\*\//, "", line)
            comment = 0
        }
        if (line ~ /\/\*/) {
            sub(/\/\*.*/, "", line)
            comment = 1
        }
        if (line ~ /^namespace /) # of C++, and no part of the interface
            foreign = 1
        if (line ~ /^} \/\/ namespace/)
            foreign = 0
        if (foreign || line ~ /^[ \t]*$/)
            next
        # A statement ends with ; outside of braces, a closing brace, or a macro.
        continued = line ~ /\\$/
        sub(/\\$/, " ", line)
        if (statement == "" && line ~ /^#/)
            macro = 1
        statement = statement " " line
        sub(/^ +/, "", statement)
        if (macro) {
            if (!continued) {
                macro = 0
                finish()
            }
        } else if (line ~ /^}/ || line ~ /^KSL_(BEGIN|END)_DECLS/ || (line ~ /;[ \t]*$/ && statement !~ /\{/)) {
            finish()
        }
    }

    END {
        for (i = 1; i <= names; i++) {
            name = order[i]
            found = name in used
            n = split(instead[name], parts, " ")
            for (k = 1; k <= n; k++)
                found = found || parts[k] in used
            if (!found && !(name in excepted)) {
                print "no torture row uses " name
                bad++
            } else if (found && name in excepted) {
                print "an exception that a row uses: " name
                bad++
            }
        }
        for (name in excepted) {
            if (!(name in known)) {
                print "an exception for nothing: " name
                bad++
            }
        }
        printf "%d names, %d findings\n", names, bad
        exit bad > 0 || names == 0
    }'
