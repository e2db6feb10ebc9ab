#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# boot.sh KERNEL WORK COMMAND...: boots a kernel that kernel.sh got, in a virtual machine with an IOMMU, QEMU's edu device
# at 0000:00:04.0, an NVMe disk at 0000:00:05.0 and one for the kernel's driver at 0000:00:06.0, runs the commands there
# as root, and fails if one of them does. The program of a command is a path on this machine; ?PROGRAM may skip what the
# kernel lacks (77), and +FILE only puts this file where it is on this machine. WORK/guest.log keeps what the machine said.
set -eu
here=$(dirname "$(realpath "$0")")
. "$(dirname "$here")/support/skip.sh"
[ $# -ge 3 ] || { sed -n 3,6p "$0" >&2 && exit 2; }
kernel=$1 work=$2
shift 2

[ -e "$kernel/complete" ] || skip "there is no kernel in $kernel: kernel.sh says why"
command -v qemu-system-x86_64 >/dev/null || skip "no qemu-system-x86_64: install qemu-system-x86"
command -v cpio >/dev/null || skip "no cpio: install cpio"

mkdir -p "$work"
root=$(mktemp -d "$work/root.XXXXXX")
machine=
trap '[ -z "$machine" ] || kill "$machine"; rm -rf "$root" "$work/initramfs" "$work/disk" "$work/kernels" "$work/third"' EXIT
trap 'exit 1' HUP INT TERM
chmod 755 "$root" # or nobody but root finds anything in there
mkdir "$root/bin" "$root/dev" "$root/proc" "$root/sys" "$root/tmp"

add_program() {
    [ ! -e "$root/bin/$(basename "$1")" ] || return 0
    cp "$1" "$root/bin/"
    strip "$root/bin/$(basename "$1")"
    for library in $(ldd "$1" | grep -o '/[^ ]*'); do
        mkdir -p "$root$(dirname "$library")"
        cp -Ln "$library" "$root$library"
    done
}
for command in "$@"; do
    case $command in
        +*)
            mkdir -p "$root$(dirname "${command#+}")"
            cp "${command#+}" "$root${command#+}"
            continue
            ;;
        \?*) may_skip='?' ;;
        *) may_skip= ;;
    esac
    program=${command#"$may_skip"} && program=${program%% *}
    add_program "$program"
    echo "$may_skip/bin/$(basename "$program")${command#"$may_skip$program"}" >>"$root/commands"
done
cp -r "$kernel/modules" "$root/"
"${CC:-cc}" -O1 -Wall -Wextra -static -o "$root/init" "$here/init.c"
(cd "$root" && find . | cpio -o -H newc --quiet) >"$work/initramfs"
# 16 MiB of blocks that say which they are, and 1 MiB for namespace 3
awk 'BEGIN { for (block = 0; block < 32768; ++block) printf "%-511s\n", "block " block }' >"$work/disk"
awk 'BEGIN { for (block = 0; block < 2048; ++block) printf "%-511s\n", "third " block }' >"$work/third"
cp "$work/disk" "$work/kernels"

# Without an accelerator, which virtual machines like those of CI do not have. The IOMMU must report what it has not
# mapped (caching-mode), or VFIO cannot use it; the edu device by default cuts addresses to 28 bits.
boot() {
    timeout -k 5 "${GUP_VM_SECONDS:-300}" qemu-system-x86_64 \
        -accel tcg,thread=multi -M q35,kernel-irqchip=split,smbus=off,sata=off,vmport=off,hpet=off \
        -cpu max -m 768 -smp 2 -nodefaults -no-user-config -display none -serial stdio -no-reboot \
        -device intel-iommu,intremap=on,caching-mode=on \
        -device edu,addr=4,dma_mask=0xffffffffffffffff \
        -drive "file=$work/disk,format=raw,if=none,id=disk,cache=unsafe" \
        -drive "file=$work/third,format=raw,if=none,id=third,cache=unsafe" \
        -device nvme,serial=gup,id=gup,addr=5 \
        -device nvme-ns,bus=gup,nsid=1,drive=disk -device nvme-ns,bus=gup,nsid=3,drive=third \
        -drive "file=$work/kernels,format=raw,if=none,id=kernels,cache=unsafe" \
        -device nvme,serial=kernel,drive=kernels,addr=6 \
        -device isa-debug-exit,iobase=0x501,iosize=1 \
        -kernel "$kernel/vmlinux" -initrd "$work/initramfs" \
        -append "console=ttyS0 quiet panic=-1 intel_iommu=on tsc=reliable no_timer_check nokaslr mitigations=off random.trust_cpu=on audit=0 secretmem.enable=1" \
        </dev/null >"$work/guest.log" 2>&1 &
    machine=$!
    wait "$machine" || true # so that a signal ends this script at once, and the machine with it
    machine=
    # without what only a terminal understands
    sed 's/\r//g; s/\x1b\[[0-9;]*[a-zA-Z]//g' <"$work/guest.log" >"$work/guest.text" && mv "$work/guest.text" "$work/guest.log"
    status=$(sed -n 's/^VM-EXIT-STATUS //p' "$work/guest.log")
}

# A second try only for a machine that died without a verdict: one boot in some hundred does under load.
boot
[ -n "$status" ] || { echo "The machine ended without a verdict; once more." && tail -n 20 "$work/guest.log" && boot; }
cat "$work/guest.log"
[ "$status" = 0 ] || { echo "boot.sh: the machine reported ${status:-nothing}" >&2 && exit 1; }
