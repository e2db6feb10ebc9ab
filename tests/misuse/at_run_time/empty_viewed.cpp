// SPDX-License-Identifier: BSL-1.0
// misuse: empty: its bytes
// expect-run-error: an empty reference was used
#include "../running.hpp"

int main() {
    return run([] {
        const gup_test::writer_ref page;
        const std::span<std::byte> view = page.bytes();
        view[0] = std::byte{1};
    });
}
