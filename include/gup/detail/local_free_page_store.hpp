// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The free pages of a pool of a `local<>` domain: one list, one thread, no lock.

#include "gup/detail/free_list.hpp"
#include "gup/detail/process.hpp"
#include "gup/detail/reference_word.hpp"

#include <cstddef>
#include <span>
#include <type_traits>

namespace gup::inline GUP_NAMESPACE::detail {

/// As free_page_store, for the one thread that made it.
class local_free_page_store {
public:
    using destroy_function = void (*)(local_free_page_store&) noexcept;

    template <class Kernel>
    local_free_page_store(page_arrays arrays, std::type_identity<Kernel>, destroy_function destroy) noexcept
        : arrays_(arrays), destroy_(destroy), free_(arrays) {}
    local_free_page_store(const local_free_page_store&) = delete;
    local_free_page_store& operator=(const local_free_page_store&) = delete;

    const page_arrays& arrays() const noexcept { return arrays_; }
    page* take() noexcept {
        check_thread();
        return process_ == this_process() ? free_.pop() : nullptr;
    }
    bool take_all(std::span<page*> pages) noexcept {
        check_thread();
        if (process_ != this_process() || free_.size() < pages.size()) return false;
        for (page*& p : pages) p = free_.pop();
        return true;
    }
    bool take_all(std::size_t wanted, page_chain& chain) noexcept {
        check_thread();
        if (process_ != this_process() || free_.size() < wanted) return false;
        while (chain.count < wanted) chain.push(*free_.pop());
        return true;
    }
    void give_back(page& p) noexcept {
        free_.push(p);
        destroy_if_over();
    }
    bool allow_lookups() noexcept {
        check_thread();
        return process_ == this_process();
    }
    std::size_t free_pages() noexcept { return free_.size(); }
    void close() noexcept {
        if (process_ != this_process()) return; // a forked child: the parent's business
        closed_ = true;
        destroy_if_over();
    }

    static void on_release(zone& z, counted& c) noexcept {
        static_cast<local_free_page_store*>(zone_access::owner(z))->give_back(page_access::from(c));
    }

private:
    /// For the verbs that take from the pool; those that take a reference check on their own.
    void check_thread() const noexcept {
        detail::check_thread<local_counting>(reference_word(arrays_.page_at(0)).value());
    }
    void destroy_if_over() noexcept {
        if (closed_ && free_.size() == arrays_.pages() && process_ == this_process()) destroy_(*this);
    }

    const page_arrays arrays_;
    const destroy_function destroy_;
    const process_identity process_ = this_process();
    free_list free_;
    bool closed_ = false;
};

} // namespace gup::inline GUP_NAMESPACE::detail
