# SPDX-License-Identifier: BSL-1.0
# Sourced by the shell tests: skip REASON ends the test as skipped, or as failed if GUP_TEST_REQUIRE=1 (as in CI);
# skip_optional REASON is for what even CI may lack.

skip_optional() {
    printf 'SKIPPED: %s\n' "$*"
    exit 77
}

skip() {
    if [ "${GUP_TEST_REQUIRE:-}" = 1 ]; then
        printf 'must not be skipped here, GUP_TEST_REQUIRE=1: %s\n' "$*" >&2
        exit 1
    fi
    skip_optional "$@"
}
