// SPDX-License-Identifier: BSL-1.0
// correct: a variant
// expect-clean
// expect-consumed-clang19-clean
#include "../program.hpp"

#include <variant>

void read(pool& pages) {
    std::variant<std::monostate, pinned> state;
    state = gup::get_user_page(pages);
    if (auto* page = std::get_if<pinned>(&state)) gup::put_user_page(std::move(*page), gup::clean);
}
