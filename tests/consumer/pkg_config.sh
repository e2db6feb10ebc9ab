# SPDX-License-Identifier: BSL-1.0
# Builds and runs a program with a plain compiler line and the installed pkg-config files.
set -eu
rm -rf "$WORK/pkg_config" && mkdir -p "$WORK/pkg_config/bin"
cp "$SOURCE/tests/consumer/main.cpp" "$WORK/pkg_config"
cd "$WORK/pkg_config"
export PKG_CONFIG_PATH="$PACKAGE/share/pkgconfig"
ln -s "$(command -v "$CXX")" bin/c++ && export PATH="$PWD/bin:$PATH"

c++ -std=c++20 main.cpp -o consumer $(pkg-config --cflags --libs gup-io_uring)
./consumer

case $(pkg-config --libs gup) in
    *uring*) echo "gup.pc must not need liburing" >&2 && exit 1 ;;
esac
[ "$(pkg-config --modversion gup)" = "$(pkg-config --modversion gup-io_uring)" ]
