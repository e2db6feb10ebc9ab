#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# vfio_edu.sh PROGRAM: what it says where it cannot run. Its DMA needs the device, which only virtual machines have.
set -eu
program=$1
. "$(dirname "$0")/../support/refused.sh"

"$program" --help | grep -q '^Usage: vfio_edu DEVICE' || fail 'no help'
refused 2 'one device is needed'
refused 2 'one device is needed' 0000:00:04.0 0000:00:05.0
refused 2 'one device is needed' --unknown
# the first reason that applies to this machine: no VFIO, no right to use it, no such device
missing='modprobe -a vfio-pci|may not open|there is no PCI device ffff:ff:1f.7'
refused 1 "$missing" ffff:ff:1f.7
