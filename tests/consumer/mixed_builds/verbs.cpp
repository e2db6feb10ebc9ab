// SPDX-License-Identifier: BSL-1.0
#include "verbs.hpp"

#include <new>
#include <span>
#include <utility>

namespace {

// Its page stays got: a put would look at the thread, too.
template <class Ref>
void keep(Ref ref) {
    ::new Ref(std::move(ref));
}

const verbs mine = {
    [](const pinned& ref) { keep(gup::ref_user_page(ref)); },
    [](pinned&& ref) { gup::put_user_page(std::move(ref), gup::clean); },
    [](pinned&& ref) { gup::put_user_pages(std::span(&ref, 1), gup::clean); },
    [](const plain& ref) { keep(gup::get_user_page(ref)); },
    [](local_pool& pool) { keep(gup::get_user_page(pool)); },
    [](std::optional<pinned>& ref) { ref.reset(); },
    [](const pinned& ref) { static_cast<void>(ref.bytes()); },
    [](gup::maybe<pinned>& ref) { static_cast<void>(*ref); },
};

} // namespace

#ifdef NDEBUG
const verbs without_checks = mine;
#else
const verbs with_checks = mine;
#endif
