# SPDX-License-Identifier: BSL-1.0
# sh namespaces.sh PROJECT_DIR: fails if a header has names of gup outside of the inline namespace of the release, but
# for those headers whose names are one for a process, whatever the releases; or names that are the same with exceptions
# and without, but for the hooks; or names of which compilers warn in any program.
set -eu
cd "$1/include"

find gup -name '*.hpp' | sort | xargs awk '
BEGIN {
    list = "kernel detail/page_range detail/process detail/spin_lock detail/node_stock detail/mlock/layout " \
           "detail/mlock/locked_range detail/mlock/locked_ranges detail/mlock/registry detail/uncancelled " \
           "detail/keep_loaded"
    headers = split(list, names, " ")
    for (i = 1; i <= headers; i++) process_wide["gup/" names[i] ".hpp"] = 1
    headers = split("call_site error tracked", names, " ")
    for (i = 1; i <= headers; i++) either_way["gup/" names[i] ".hpp"] = 1
}
function wrong(what) {
    print FILENAME ":" FNR ": " what
    failed = 1
}
FNR == 1 { versioned = quiet = 0 }
/^GUP_SYSTEM_HEADER$/ { quiet = 1 }
/^#include "gup\// { versioned = 1 } # version.hpp, or a header that has it
/^ *(inline +)?namespace +gup([^_a-z0-9]|$)/ {
    if (/^namespace gup::process_wide_v[0-9]+ \{$/) {
        if (!process_wide[FILENAME]) wrong("these names are to be of the release, as all but those listed in this test")
        layouts[$2] = 1
        used[FILENAME] = 1
    } else if (/^namespace gup::inline GUP_RELEASE \{$/) {
        if (!either_way[FILENAME]) wrong("what is built without exceptions needs its own: GUP_NAMESPACE")
    } else if (!/^namespace gup::inline GUP_NAMESPACE(::detail)? \{$/)
        wrong("write namespace gup::inline GUP_NAMESPACE {")
    else if (!versioned)
        wrong("GUP_NAMESPACE is defined in gup/version.hpp: include it")
    if (/GUP_NAMESPACE/) quiet = 1
    if (!quiet) wrong("write GUP_SYSTEM_HEADER before it: compilers warn of what is in it")
}
END {
    for (header in process_wide)
        if (!used[header]) { print header ": has nothing of the process-wide names"; failed = 1 }
    for (layout in layouts)
        if (++count > 1) { print "there are two process-wide layouts: one release has one"; failed = 1 }
    exit failed
}'
