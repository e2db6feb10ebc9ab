// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A source of proxies that keeps an account of what it is told.

#include "gup/proxy_source.hpp"
#include "gup_test/pools.hpp"

#include <atomic>
#include <cstdint>

namespace gup_test {

/// What a source was told; outlives it.
struct source_log {
    std::atomic<int> made{0};
    std::atomic<int> idle{0};
    std::atomic<int> released{0};
    std::atomic<int> destroyed{0};
    std::atomic<std::uint64_t> last_index{0}; ///< of the proxy released last
};

/// Gives every index a proxy in front of one page.
template <class Domain>
class one_page_source : public gup::proxy_owner<one_page_source<Domain>, Domain> {
public:
    one_page_source(const gup::page_ref<Domain>& page, source_log& log)
        : page_(gup::get_page(page)), log_(log) {}
    one_page_source(const one_page_source&) = delete;
    one_page_source& operator=(const one_page_source&) = delete;
    ~one_page_source() { ++log_.destroyed; }

    gup::page_ref<Domain> make(std::uint64_t index) { return make(index, {}); }
    gup::page_ref<Domain> make(std::uint64_t index, gup::typed_pointer auxiliary) {
        auto proxy = this->make_proxy(
            page_, {.mapping = gup::typed_pointer(this), .index = index, .auxiliary = auxiliary});
        ++log_.made;
        return proxy;
    }
    /// Gives the page up; proxies can be made no more.
    void forget_page() { page_ = {}; }
    void on_idle(gup::page_proxy&) noexcept { ++log_.idle; }
    void release(gup::page_proxy& proxy) noexcept {
        log_.last_index = proxy.index();
        ++log_.released;
    }

private:
    gup::page_ref<Domain> page_;
    source_log& log_;
};

using pretended_source = one_page_source<pretended>;

/// A page, a source of proxies in front of it, and what that was told.
struct proxy_scene {
    pretended_pool pool = pool_of(2);
    plain_ref page = gup::get_page(pool);
    source_log log{};
    gup::source_handle<pretended_source> source = gup::make_source<pretended_source>(page, log);

    const gup::detail::reference_counts& base() const {
        return gup::detail::page_access::counts(gup::page_descriptor(page));
    }
};

} // namespace gup_test
