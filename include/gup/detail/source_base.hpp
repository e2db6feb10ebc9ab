// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What all sources of proxies have in common: the memory of their proxies, and the count of those who hold
/// the source: its handle and each of its proxies.

#include "gup/detail/process.hpp"
#include "gup/detail/stand_in_store.hpp"
#include "gup/page_proxy.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// Goes when its last holder has gone, by `destroy`.
template <class Domain>
class source_base {
    using kernel = typename Domain::kernel;
    using counting = counting_t<Domain>;

public:
    /// What a source does with its proxies.
    struct hooks {
        void (*on_idle)(source_base&, page_proxy&) noexcept;
        void (*release)(source_base&, page_proxy&) noexcept;
        void (*destroy)(source_base&) noexcept;
    };

    explicit source_base(const hooks& does) noexcept
        : does_(does),
          proxies_(this, &on_release,
                   std::is_same_v<counting, local_counting> ? this_thread_identity() : nullptr) {}
    source_base(const source_base&) = delete;
    source_base& operator=(const source_base&) = delete;

    /// A new proxy in front of the page of `word`: its word; 0, with `failure` filled, if it cannot be.
    /// Throws std::bad_alloc.
    std::uintptr_t make(std::uintptr_t word, const proxy_attributes& attributes, pin_failure& failure) {
        if (process_ != this_process()) {
            failure = {};
            refuse(failure, EPERM, "making a page proxy",
                   "this source of proxies belongs to the parent process: make one of your own");
            return 0;
        }
        check_thread<counting>(word);
        page& base = page_of(word);
        if (page_access::counts(base).crowded()) {
            failure = {};
            refuse(failure, EMLINK, "making a page proxy",
                   "the page has a million and a half references: put some, or use a copy of it");
            return 0;
        }
        page_proxy* proxy = nullptr;
        {
            const std::lock_guard lock(lock_);
            proxy = proxies_.take(failure);
        }
        if (proxy == nullptr) return 0;
        page_access::counts(base).template add<counting>(reference_kind::plain);
        hold();
        return proxy_access::start(*proxy, base, attributes);
    }

    /// One holder more, for one who holds it already.
    void hold() noexcept { holders_.fetch_add(1, std::memory_order_relaxed); }
    /// One holder less.
    void let_go() noexcept {
        if (process_ != this_process()) return; // a forked child: the parent's business
        if (holders_.fetch_sub(1, std::memory_order_acq_rel) == 1) does_.destroy(*this);
    }

protected:
    ~source_base() = default;

private:
    static void on_release(zone& z, counted& c) noexcept {
        auto& source = *static_cast<source_base*>(zone_access::owner(z));
        if (source.process_ != this_process()) return;
        page_proxy& proxy = proxy_access::of(&c);
        stand_in& s = proxy_access::stand_in_of(proxy);
        if (&c != &page_access::counted_of(s.own)) {
            if (drop_last_pin_of_kind<counting>(s, c)) source.does_.on_idle(source, proxy);
            if (!s.counts().template drop<counting>(reference_kind::plain)) return;
        }
        source.end(proxy);
    }

    void end(page_proxy& proxy) noexcept {
        does_.release(*this, proxy);
        page& base = *proxy_access::stand_in_of(proxy).base;
        {
            const std::lock_guard lock(lock_);
            proxies_.give_back(proxy);
        }
        drop_reference<counting>(base_word(base), reference_kind::plain);
        let_go();
    }
    static std::uintptr_t base_word(page& base) noexcept { return reference_word(base).value(); }

    const hooks& does_;
    const process_identity process_ = this_process();
    std::atomic<std::size_t> holders_{1};
    std::mutex lock_; // guards the proxies that are free
    stand_in_store<page_proxy, kernel> proxies_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
