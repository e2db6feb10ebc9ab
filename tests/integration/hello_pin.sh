# SPDX-License-Identifier: BSL-1.0
# sh hello_pin.sh PROGRAM: reads pages of real files and fails as it says.
set -eu
program=$1
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

fail() {
    echo "hello_pin.sh: $*" >&2
    exit 1
}
# refuses STATUS TEXT ARGUMENT...: the program ends with STATUS and says TEXT on standard error.
refuses() {
    status=$1 text=$2 && shift 2
    outcome=0
    "$program" "$@" >"$work/out" 2>"$work/err" || outcome=$?
    [ "$outcome" = "$status" ] || fail "exit $outcome instead of $status for: $*"
    grep -q "$text" "$work/err" || fail "no '$text' in: $(cat "$work/err")"
}

head -c 4096 "$program" >"$work/page"
"$program" "$program" | cmp - "$work/page" || fail "the first page of a long file differs"
echo short >"$work/short"
"$program" "$work/short" | cmp - "$work/short" || fail "a short file differs"
"$program" --help | grep -q FILE || fail "no help"
refuses 2 usage
refuses 2 usage one two
refuses 1 'No such file' "$work/none"
refuses 1 'Is a directory' "$work"

# limited KIB TEXT: who may lock so little gets the page all the same, and reads TEXT, or nothing, on standard error.
# Tried again while that is not so: a ring closed a moment ago is still charged to its user.
limited() {
    for _ in $(seq 200); do
        outcome=0
        # shellcheck disable=SC3045,SC2086 # dash, bash and busybox have it; a list of words
        (ulimit -l "$1" && $drop "$program" "$work/page") >"$work/out" 2>"$work/err" || outcome=$?
        if [ "$outcome" = 0 ]; then
            cmp "$work/out" "$work/page" || fail "the page differs with $1 KiB"
            if [ -n "$2" ]; then grep -q "$2" "$work/err" && return; else [ -s "$work/err" ] || return 0; fi
        fi
    done
    fail "with $1 KiB: exit $outcome, no '$2' in: $(cat "$work/err")"
}
# Root keeps its identity and loses only the capability.
drop=
if [ "$(id -u)" = 0 ]; then drop='setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock'; fi
if [ -z "$drop" ] || command -v setpriv >/dev/null; then
    limited 8 'over budget.*memlock' # what the ring itself takes
    limited 64 ''                      # the pool adapts
else
    echo "not tried without CAP_IPC_LOCK: there is no setpriv"
fi
