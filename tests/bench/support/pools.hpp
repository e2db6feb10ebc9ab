// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Pools of locked pages to measure the verbs on. They fit the 8 MiB that an ordinary user may lock.

#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"

#include <cstddef>
#include <vector>

namespace gup_bench {

/// Small pages; made of ordinary memory where nothing can be locked, because that makes no difference to the
/// verbs.
template <class Domain>
class bench_pool : public gup::page_pool<Domain> {
public:
    explicit bench_pool(std::size_t pages)
        : gup::page_pool<Domain>(Domain{}, {.pages = pages,
                                            .memory = gup::memory_kind::small_pages,
                                            .fallback = gup::pin_fallback::unpinned}) {}

    /// All pages, one after the other in memory.
    std::vector<gup::user_page_ref<Domain>> get_all() { return gup::get_user_pages(*this, this->pages()); }
};

using shared_pool = bench_pool<gup::mlock_domain>;
using local_pool = bench_pool<gup::local<gup::mlock_domain>>;

} // namespace gup_bench
