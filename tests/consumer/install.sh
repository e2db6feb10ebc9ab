# SPDX-License-Identifier: BSL-1.0
# Installs the package to one place and moves it to PACKAGE: nothing in it may remember where it was.
set -eu
rm -rf "$PACKAGE" "$PACKAGE.first"
"$CMAKE" --install "$BUILD" --prefix "$PACKAGE.first" >/dev/null
mv "$PACKAGE.first" "$PACKAGE"
if grep -rlF -e "$SOURCE" -e "$PACKAGE.first" "$PACKAGE"; then
    echo "these installed files name the source tree or the prefix" >&2
    exit 1
fi
