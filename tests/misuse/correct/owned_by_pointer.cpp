// SPDX-License-Identifier: BSL-1.0
// correct: a reference owned by a pointer
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

#include <memory>

void read(pool& pages) {
    const auto page = std::make_unique<pinned>(gup::get_user_page(pages));
    use(page->bytes());
    gup::put_user_page(std::move(*page), gup::clean);
}
