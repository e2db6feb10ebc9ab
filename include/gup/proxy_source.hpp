// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Sources of proxies: what makes the proxies of pages that have several names, hears when one is no longer
/// pinned, and gets it back with its last put. Address spaces are sources; so is any type of the user's that
/// derives from `proxy_owner` and models `proxy_source`.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/source_base.hpp"
#include "gup/maybe.hpp"

#include <concepts>
#include <cstdint>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

// Version 14 of clang-format cannot lay out concepts.
// clang-format off

/// A maker of proxies.
///
/// * `make(index)` gives a proxy in front of the page that the index names: an ordinary reference to it. It may
///   allocate, block, throw, and be called by several threads at once; empty if the index names no page.
/// * `on_idle(proxy)`: the last pin of the proxy has been put. Another may have come meanwhile.
/// * `release(proxy)`: the last reference of any kind has been put. The proxy may be looked at, and its base is
///   held, until this returns.
template <class Source>
concept proxy_source = requires(Source& source, std::uint64_t index, page_proxy& proxy) {
    typename Source::domain_type;
    { source.make(index) } -> std::same_as<page_ref<typename Source::domain_type>>;
    { source.on_idle(proxy) } noexcept;
    { source.release(proxy) } noexcept;
};
// clang-format on

template <proxy_source Source>
class source_handle;

/// Base class of a source (`class snapshot : public proxy_owner<snapshot, domain>`). A source lives until its
/// handle and all of its proxies have gone: a proxy never calls what is not there.
template <class Source, class Domain>
class proxy_owner : detail::source_base<Domain> {
    using common = detail::source_base<Domain>;

public:
    using domain_type = Domain;

protected:
    proxy_owner() noexcept : common(does) { detail::keep_loaded(); }
    ~proxy_owner() = default;

    /// A new proxy in front of the page that `base` leads to, through another proxy or not; its first
    /// reference. Throws pin_error (ENOMEM; EMLINK if the page has a million and a half references; EPERM in
    /// a forked child). Not of an empty reference. Thread-safe.
    template <page_reference Ref>
        requires std::same_as<typename Ref::domain_type, Domain>
    [[nodiscard("the proxy must be put")]] page_ref<Domain>
    make_proxy(const Ref& base, const proxy_attributes& attributes, detail::origin_of<Domain> where = {}) {
        pin_failure failure;
        if (auto made = try_make_proxy(base, attributes, failure, where)) return std::move(made).value();
        detail::throw_failure(std::move(failure));
    }
    /// As make_proxy; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
    template <page_reference Ref>
        requires std::same_as<typename Ref::domain_type, Domain>
    [[nodiscard("the proxy must be put")]] maybe<page_ref<Domain>>
    try_make_proxy(const Ref& base, const proxy_attributes& attributes, pin_failure& failure,
                   detail::origin_of<Domain> where = {}) {
        const std::uintptr_t word = common::make(detail::held(base, where), attributes, failure);
        return detail::to_maybe(detail::reference_access::make<page_ref<Domain>>(word));
    }

    /// Keeps the source until as many calls of `let_go`, beyond its handle and its proxies.
    detail::source_base<Domain>& holder() noexcept { return *this; }

private:
    template <proxy_source>
    friend class source_handle;

    static Source& source(common& c) noexcept { return static_cast<Source&>(static_cast<proxy_owner&>(c)); }
    static constexpr
        typename common::hooks does{[](common& c, page_proxy& proxy) noexcept { source(c).on_idle(proxy); },
                                    [](common& c, page_proxy& proxy) noexcept { source(c).release(proxy); },
                                    [](common& c) noexcept { delete &source(c); }};
};

/// Holds a source. Move-only; destroying it closes the source, which lives on until its last proxy is back.
template <proxy_source Source>
class source_handle {
public:
    /// Makes a source.
    template <class... Arguments>
    explicit source_handle(std::in_place_t, Arguments&&... arguments)
        : source_(new Source(std::forward<Arguments>(arguments)...)) {}
    source_handle(source_handle&& other) noexcept : source_(std::exchange(other.source_, nullptr)) {}
    source_handle& operator=(source_handle&& other) noexcept {
        std::swap(source_, other.source_);
        return *this;
    }
    source_handle(const source_handle&) = delete;
    source_handle& operator=(const source_handle&) = delete;
    // Not inline: in a std::optional that has been reset g++ 12 would take source_ for uninitialised.
    [[gnu::noinline]] ~source_handle() {
        using owner = proxy_owner<Source, typename Source::domain_type>;
        if (source_ != nullptr) static_cast<owner&>(*source_).let_go();
    }

    /// False if it was moved from.
    explicit operator bool() const noexcept { return source_ != nullptr; }
    Source& operator*() const noexcept { return *source_; }
    Source* operator->() const noexcept { return source_; }

private:
    Source* source_;
};

/// A source and its handle.
template <proxy_source Source, class... Arguments>
[[nodiscard("the handle closes the source at once")]] source_handle<Source>
make_source(Arguments&&... arguments) {
    return source_handle<Source>(std::in_place, std::forward<Arguments>(arguments)...);
}

} // namespace gup::inline GUP_NAMESPACE
