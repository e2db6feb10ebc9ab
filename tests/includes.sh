# SPDX-License-Identifier: BSL-1.0
# sh includes.sh PROJECT_DIR: fails if headers include each other in a ring, or a header of one domain includes another's.
set -eu
cd "$1/include"

includes=$(find gup -name '*.hpp' -exec sed -n 's|^#include "\(gup/[^"]*\)".*|\1|; T; s|^|{} |; p' {} \;)
echo "$includes" | tsort >/dev/null # names the headers of a ring, and fails

# domain/NAME*.hpp and detail/NAME/ belong to the domain NAME
echo "$includes" | awk '
function domain(header) {
    if (match(header, /^gup\/(detail|domain)\/(io_uring|mlock|vfio)/)) {
        sub(/^gup\/(detail|domain)\//, "", header)
        sub(/[\/.].*/, "", header)
        sub(/^vfio_.*/, "vfio", header)
        sub(/^io_uring_.*/, "io_uring", header)
        return header
    }
    return ""
}
domain($1) != "" && domain($2) != "" && domain($1) != domain($2) {
    print $1 " of one domain includes " $2 " of another"
    failed = 1
}
END { exit failed }'
