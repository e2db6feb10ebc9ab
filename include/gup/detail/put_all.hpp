// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The bulk put: pages of one zone go back to their pool together.

#include "gup/detail/free_page_store_slow.hpp"
#include "gup/user_page_ref.hpp"

#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// Puts as many references at the beginning of `refs` as are the only ones to pages of one zone, and the
/// thread's magazine has room for. How many that were: none if the first must go another way. What was
/// written to these pages is lost, and nothing need mark them dirty.
template <class Domain, dma_access Access>
std::size_t put_only(std::span<user_page_ref<Domain, Access>> refs, origin_of<Domain> where) noexcept {
    const zone& first = zone::of(&counted_of(reference_access::word(refs.front())));
    if (!zone_access::releases_to(first, &free_page_store::on_release)) return 0;
    auto* const owner = static_cast<free_page_store*>(zone_access::owner(first));
    return owner->give_back_each(refs.size(), [&](std::size_t i) noexcept -> page* {
        const std::uintptr_t word = reference_access::word(refs[i]);
        if (word - reinterpret_cast<std::uintptr_t>(&first) >= zone::array_bytes)
            return nullptr; // of another zone, or empty
        counted& c = counted_of(word);
        if (looks<Domain>(where)) check_put<Domain>(word, kind_of(Access), where);
        if (!c.counts.drop_if_only(kind_of(Access))) return nullptr;
        reference_access::release(refs[i]);
        return &page_access::from(c);
    });
}

/// Puts all references; consecutive pages of one pool go back to it together. `dirty`: the pages were
/// written.
template <class Domain, dma_access Access>
void put_all(std::span<user_page_ref<Domain, Access>> refs, bool dirty, origin_of<Domain> where) noexcept {
    while (!refs.empty()) {
        std::size_t done = 0;
        if constexpr (std::is_same_v<counting_t<Domain>, shared_counting>)
            if (refs.front()) done = put_only(refs, where);
        if (done == 0) {
            done = 1;
            if (const std::uintptr_t word = reference_access::release(refs.front()); word != 0) {
                prepare_put<Domain>(word, kind_of(Access), where);
                put_reference<Domain>(word, kind_of(Access), dirty);
            }
        }
        refs = refs.subspan(done);
    }
}

} // namespace gup::inline GUP_NAMESPACE::detail
