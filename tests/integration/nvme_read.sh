#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# nvme_read.sh PROGRAM: what it says where it cannot run. Its DMA needs a disk that this system can do without, which
# only virtual machines are sure to have.
set -eu
program=$1
. "$(dirname "$0")/../support/refused.sh"

"$program" --help >"$scratch/help"
grep -q '^Usage: nvme_read ' "$scratch/help" || fail 'no help'
grep -q 'DESTRUCTIVE' "$scratch/help" || fail 'the help does not say what destroys data'

absent=ffff:ff:1f.7
refused 2 'a device, a block and a number of blocks are needed'
refused 2 'a device, a block and a number of blocks are needed' "$absent" 0
refused 2 'a device, a block and a number of blocks are needed' "$absent" 0 1 2
refused 2 "'x' is not a number" "$absent" x 1
refused 2 "'1x' is not a number" "$absent" 0 1x
refused 2 "'-1' is not a number" -- "$absent" -1 1
refused 2 "'18446744073709551616' is not a number" "$absent" 18446744073709551616 1
refused 2 'no blocks are asked for' "$absent" 0 0
refused 2 'numbers have 64 bits' "$absent" 18446744073709551615 2
refused 2 'nothing to put into a file' --verify-write --output "$scratch/file" "$absent" 0 1
refused 2 'neither --output nor --verify-write' --verify-write --depth 2 "$absent" 0 1
refused 2 'neither --output nor --verify-write' --output "$scratch/file" --depth 2 "$absent" 0 1
refused 2 'queues goes with --depth' --queues 2 "$absent" 0 1
for number in 0 64 x -1; do refused 2 'not a number from 1 to 63' --depth "$number" "$absent" 0 1; done
for number in 0 65; do refused 2 'not a number from 1 to 64' --depth 1 --queues "$number" "$absent" 0 1; done
for number in 0 4294967295; do refused 2 'not a number from 1 to 4294967294' --namespace "$number" "$absent" 0 1; done
refused 2 'unrecognized option' --write "$absent" 0 1

# the first reason that applies to this machine: no VFIO, no right to use it, no such device
missing="modprobe -a vfio-pci|may not open|there is no PCI device $absent"
refused 1 "$missing" "$absent" 0 1
refused 1 "$missing" --verify-write "$absent" 0 1
refused 1 "$missing" --output "$scratch/file" "$absent" 0 1
[ ! -e "$scratch/file" ] || fail 'a file was made for a disk that could not be read'
