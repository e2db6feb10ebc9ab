# SPDX-License-Identifier: BSL-1.0
# Sourced by the tests of example programs that can only refuse here, with the program in $program: fail REASON ends the
# test, refused STATUS PATTERN ARGUMENT... fails unless the program ends with STATUS, says why and prints no result.
# $scratch is a folder that goes with the test.

scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
: >"$scratch/errors"

fail() {
    echo "$(basename "$0"): $*" >&2
    sed 's/^/errors: /' "$scratch/errors" >&2
    exit 1
}

refused() {
    wanted=$1 pattern=$2 && shift 2
    status=0
    "$program" "$@" >"$scratch/output" 2>"$scratch/errors" || status=$?
    [ "$status" = "$wanted" ] || fail "status $status for: $*"
    grep -Eq "$pattern" "$scratch/errors" || fail "the reason is not '$pattern': $*"
    [ ! -s "$scratch/output" ] || fail "it prints a result: $*"
}
