#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# doctor.sh PROGRAM: the report of doctor as text and as JSON, its options, and that it leaves the machine as it was.
set -eu
script=$(realpath "$0")
doctor=$(realpath "$1")
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
cd "$scratch"

fail() {
    echo "doctor.sh: $*" >&2
    for file in text json help errors; do
        if [ -s "$file" ]; then sed "s/^/$file: /" "$file" >&2; fi
    done
    exit 1
}

# expect STATUS COMMAND...: stdout goes to the caller, stderr to the file errors
expect() {
    wanted=$1 && shift
    status=0
    "$@" 2>errors || status=$?
    [ "$status" = "$wanted" ] || fail "$* gave status $status, not $wanted"
}

state() { cat /proc/sys/vm/nr_hugepages /sys/kernel/mm/transparent_hugepage/enabled 2>/dev/null || true; }

# One object a line with four strings, correctly escaped: this is the whole grammar, no JSON parser is needed.
string='"([^"\\[:cntrl:]]|\\["\\]|\\u[0-9a-f]{4})*"'
row='^  \{"status": "(ok|limited|missing)", "subject": '$string', "finding": '$string', "next": '$string'\}'

check_json() {
    [ "$(head -n 1 json)" = '{"checks": [' ] || fail "the JSON does not begin as documented"
    [ "$(tail -n 1 json)" = ']}' ] || fail "the JSON does not end as documented"
    rows=$(($(wc -l <json) - 2))
    [ "$(grep -Ec "$row,\$" json)" = $((rows - 1)) ] || fail "a row of the JSON is malformed"
    [ "$(sed -n "$((rows + 1))p" json | grep -Ec "$row\$")" = 1 ] || fail "the last row of the JSON is malformed"
    if grep -E '"status": "(limited|missing)"' json | grep '"next": ""'; then fail "a row has no next step"; fi
    if command -v python3 >/dev/null; then python3 -m json.tool json >/dev/null || fail "python3 refuses the JSON"; fi
}

before=$(state)
expect 0 "$doctor" >text
[ ! -s errors ] || fail "a report was made, but stderr is not empty"
expect 0 "$doctor" --json >json
[ ! -s errors ] || fail "a report was made, but stderr is not empty"
[ "$before" = "$(state)" ] || fail "the machine is not as it was"
check_json

for subject in kernel 'base page size' 'memlock limit' CAP_IPC_LOCK 'budget VmLck' 'budget VmPin' mlock \
    'transparent huge pages' 'hugetlb pages' 'a pool of small pages' 'a pool of transparent huge pages' \
    'a pool of hugetlb pages' 'a pool of memfd' io_uring IOMMU VFIO iommufd RDMA; do
    grep -Eq "^(ok     |limited|missing)  $subject" text || fail "the text has no line on $subject"
    grep -q "\"subject\": \"$subject" json || fail "the JSON has no row on $subject"
done
grep -q "$(uname -r)" text || fail "the text does not name the kernel"
[ "$(grep -Ec '^(ok|limited|missing) ' text)" = "$rows" ] || fail "text and JSON differ in rows"
summary=$(for kind in ok limited missing; do printf '%s ' "$(grep -c "\"status\": \"$kind\"" json) $kind"; done)
[ "$(tail -n 1 text)" = "$(echo "$summary" | sed 's/ $//; s/ \([0-9]\)/, \1/g')" ] || fail "the summary is wrong"
# What this kernel has must be found; zero copy needs a network, too.
if grep -q '^ok       io_uring  ' text && [ "$(printf '6.13\n%s\n' "$(uname -r)" | sort -V | head -n 1)" = 6.13 ]; then
    for feature in 'fixed buffers' 'sparse tables' 'buffer tags' 'clone buffers' 'clone into table' 'single issuer'; do
        grep -q "^ok       io_uring $feature" text || fail "Linux $(uname -r) has io_uring $feature"
    done
fi
if grep -q '^ok       CAP_IPC_LOCK' text; then
    grep -q '^ok       mlock  *locked one page' text || fail "CAP_IPC_LOCK, but nothing can be locked"
fi
# a word that is longer than a line cannot be broken
if grep -E '^.{101}' text | grep -Ev '^ *(-> )?[^ ]*$'; then fail "a line is longer than 100 columns"; fi

# As a user with little room sees it. Root keeps its identity and loses only the capability.
drop=
if [ "$(id -u)" = 0 ]; then drop='setpriv --bounding-set -ipc_lock --inh-caps -ipc_lock'; fi
if [ -z "$drop" ] || command -v setpriv >/dev/null; then
    (
        # shellcheck disable=SC3045 # dash, bash and busybox have it
        ulimit -l 64 || exit 0 # a lower hard limit is stricter still
        # shellcheck disable=SC2086 # a list of words
        expect 0 $drop "$doctor" --json >json
        check_json
        grep -q '"limited", "subject": "memlock limit", "finding": "65536 bytes (64 KiB), which' json ||
            fail "the limit of 64 KiB is not in the report"
        grep -q '"missing", "subject": "CAP_IPC_LOCK"' json || fail "the missing capability is not in the report"
        grep -q '"limited", "subject": "budget VmLck (mlock)", "finding": "0 bytes used, 65536 bytes' json ||
            fail "the budget of 64 KiB is not in the report"
    )
else
    echo "not tried without CAP_IPC_LOCK: there is no setpriv"
fi

# A limit too low for two rings is told as what it is, not as a kernel too old; none is told to raise it to 0.
if [ -z "$drop" ] || command -v setpriv >/dev/null; then
    # of a user who has no other rings
    if [ "$(id -u)" = 0 ]; then
        user='setpriv --reuid 65517 --regid 65517 --clear-groups'
        install -m 755 "$doctor" "$scratch/doctor" && chmod 755 "$scratch"
    else
        user='' && cp "$doctor" "$scratch/doctor"
    fi
    for limit in 16 0; do
        # shellcheck disable=SC2016 # the inner shell expands it
        expect 0 sh -c 'ulimit -S -l $0 && exec "$@"' $limit $user "$scratch/doctor" --json >json
        check_json
        if grep '"finding": "ENOMEM' json | grep -E 'Linux [0-9]|newer kernel'; then fail "a limit is blamed on the kernel"; fi
        if grep -E 'ulimit -l 0|memlock 0|memlock=0' json; then fail "a limit of 0 is proposed"; fi
    done
fi
# Nothing is to be loaded for devices where nothing isolates them.
if grep -q '"missing", "subject": "IOMMU"' json && grep -E 'modprobe (vfio|iommufd)' json; then
    fail "a module is to be loaded where there is no IOMMU"
fi

# With one free descriptor, which the caller may have left open, a ring can be made, and nothing be read into it.
# shellcheck disable=SC2016 # the inner shell expands it
expect 0 sh -c 'ulimit -n 4 && exec "$0" --json' "$doctor" >json 3>&-
check_json
grep -q '"missing", "subject": "io_uring fixed buffers", "finding": "EMFILE.*ulimit -n' json ||
    fail "fixed buffers cannot work without a descriptor"

# Devices of our own making, where root can give this test a /sys and a /dev of its own.
make_devices() {
    groups=/sys/kernel/iommu_groups pci=/sys/bus/pci/drivers/vfio-pci port='/sys/class/infiniband/odd"\name/ports/1'
    mount -t tmpfs none /sys/kernel && mkdir -p $groups/0 $groups/7
    for pool in '2048 4 1' '65536 4 0' '1048576 0 0'; do
        # shellcheck disable=SC2086 # size, total, free
        set -- $pool && pool=/sys/kernel/mm/hugepages/hugepages-$1kB && mkdir -p $pool
        echo "$2" >"$pool/nr_hugepages" && echo "$3" >"$pool/free_hugepages"
    done
    mount -t tmpfs none /sys/bus && mkdir -p $pci/0000:01:00.0 $pci/0000:02:00.0 && touch $pci/bind
    ln -s $groups/7 $pci/0000:01:00.0/iommu_group
    mount -t tmpfs none /sys/class && mkdir -p "$port"
    echo Ethernet >"$port/link_layer" && echo '1: DOWN' >"$port/state"
    mount -t tmpfs none /dev && mkdir -p /dev/vfio /dev/infiniband && touch /dev/vfio/vfio /dev/vfio/7
    touch /dev/infiniband/uverbs0
}
if [ "${2-}" = with-devices ]; then
    make_devices
    expect 0 "$doctor" --json >json
    check_json
    for line in 'ok", "subject": "IOMMU", "finding": "2 groups"' 'ok", "subject": "VFIO", ' \
        'ok", "subject": "VFIO device 0000:01:00.0", "finding": "/dev/vfio/7 may be opened"' \
        'limited", "subject": "VFIO device 0000:02:00.0", "finding": "bound to vfio-pci, but in no IOMMU group"' \
        'ok", "subject": "hugetlb pages of 2 MiB", "finding": "4 reserved, 1 free", "next": ""' \
        'limited", "subject": "hugetlb pages of 64 MiB", ' 'missing", "subject": "hugetlb pages of 1 GiB", ' \
        'missing", "subject": "iommufd", ' 'missing", "subject": "transparent huge pages", ' \
        'limited", "subject": "RDMA odd\"\\name port 1", "finding": "Ethernet, 1: DOWN"' \
        'ok", "subject": "RDMA uverbs0", '; do
        grep -Fq "{\"status\": \"$line" json || fail "no such row: $line"
    done
    exit
elif [ "$(id -u)" = 0 ] && unshare --mount mount -t tmpfs none /sys/kernel 2>/dev/null; then
    unshare --mount sh "$script" "$doctor" with-devices || fail "with devices of our own making it failed, see above"
else
    echo "not tried with devices of our own making: only root can mount them"
fi

expect 0 "$doctor" --help >help
grep -q '^Usage: doctor' help || fail "--help does not say how to use it"
for wrong in --jsn -x file ''; do
    expect 2 "$doctor" "$wrong" >text
    [ ! -s text ] || fail "an unknown option still prints a report"
    grep -q "unknown option '$wrong'.*--help" errors || fail "'$wrong' is refused without saying why"
done

if [ -w /dev/full ]; then
    expect 1 "$doctor" >/dev/full
    grep -q 'could not be written' errors || fail "a full disk is not reported"
fi
