#!/bin/sh
# SPDX-License-Identifier: BSL-1.0
# kernel.sh CACHE RELEASE: gets one of Debian's kernels without installing it, for boot.sh: CACHE/RELEASE/vmlinux and
# CACHE/RELEASE/modules/. RELEASE is `stable`, what this Debian installs, or `newest`, the newest that it offers. What is
# in the cache is kept: remove the folder for a newer kernel.
set -eu
tests=$(dirname "$(dirname "$(realpath "$0")")")
. "$tests/support/skip.sh"
[ $# = 2 ] || { sed -n 3,5p "$0" >&2 && exit 2; }
cache=$1 release=$2
[ ! -e "$cache/$release/complete" ] || exit 0

for tool in apt-get:apt dpkg:dpkg depmod:kmod xz:xz-utils zstd:zstd lz4:lz4 strip:binutils; do
    command -v "${tool%:*}" >/dev/null || [ -x "/sbin/${tool%:*}" ] || skip "no ${tool%:*}: install ${tool#*:}"
done
PATH=$PATH:/sbin

case $release in
    stable) meta=linux-image-cloud-amd64 ;;
    newest) meta=$(apt-cache pkgnames linux-image- | grep -E '^linux-image-[0-9]+\.[0-9]+-cloud-amd64$' | sort -V | tail -n 1) ;;
    *) echo "kernel.sh: no such release: $release" >&2 && exit 2 ;;
esac
package=$(apt-cache depends "${meta:-no-such-package}" 2>/dev/null | sed -n 's/^ *Depends: //p' | head -n 1)
[ -n "$package" ] || skip "the package sources offer no linux-image-*-cloud-amd64 ($release): run apt-get update"

mkdir -p "$cache"
work=$(mktemp -d "$(realpath "$cache")/$release.XXXXXX")
trap 'rm -rf "$work"' EXIT
trap 'exit 1' HUP INT TERM
cd "$work"
apt-get -q download "$package" >download.log 2>&1 || { cat download.log && skip "cannot download the package $package"; }
dpkg -x ./*.deb tree
[ -d tree/lib ] || ln -s usr/lib tree/lib
version=$(ls tree/lib/modules)
image=tree/boot/vmlinuz-$version
[ -e "$image" ] || image=tree/lib/modules/$version/vmlinuz

# The ELF file inside the image: QEMU boots it directly, and the guest need not decompress it without an accelerator.
unpack() { # MAGIC COMMAND...
    magic=$1 && shift
    for offset in $(LC_ALL=C grep -obUaP "$magic" "$image" | cut -d : -f 1); do
        tail -c "+$((offset + 1))" "$image" | "$@" >vmlinux 2>/dev/null || true # what follows it is no part of it
        [ "$(head -c 4 vmlinux | tail -c 3)" != ELF ] || return 0
    done
    return 1
}
unpack '\xfd7zXZ\x00' xz -dc || unpack '\x28\xb5\x2f\xfd' zstd -dc || unpack '\x02\x21\x4c\x18' lz4 -dc || {
    echo "kernel.sh: found no kernel in the image of $package" >&2 && exit 1
}

# In the order in which they must be loaded.
depmod -b tree "$version"
mkdir -p result/modules
number=10
for module in vfio_iommu_type1 vfio-pci; do
    for file in $(modprobe -d "$work/tree" -S "$version" --show-depends "$module" | sed -n 's/^insmod \([^ ]*\).*/\1/p'); do
        name=$(basename "$file")
        ls result/modules | grep -q -- "-${name%.xz}\$" && continue
        case $file in
            *.xz) xz -dc "$file" >"result/modules/$number-${name%.xz}" ;;
            *) cp "$file" "result/modules/$number-$name" ;;
        esac
        strip --strip-debug "result/modules/$number-${name%.xz}"
        number=$((number + 1))
    done
done
mv vmlinux result/
echo "$package" >result/complete
mv -T result "../$release" 2>/dev/null || [ -e "../$release/complete" ] # another one was faster
echo "$package is ready for the virtual machine"
