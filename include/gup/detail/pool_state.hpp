// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a pool's handle points to: memory, page arrays, pin, free pages. Outlives the handle until the last
/// put.

#include "gup/detail/free_page_store_slow.hpp"
#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/local_free_page_store.hpp"
#include "gup/detail/slab.hpp"
#include "gup/page_ref.hpp"
#include "gup/pin_domain.hpp"
#include "gup/pool_options.hpp"
#include "gup/user_page_ref.hpp"

#include <bit>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

inline constexpr std::size_t smallest_page = std::size_t{1} << pfn_shift;
inline constexpr std::size_t largest_page = std::size_t{1} << 30;

/// Null if the options describe a pool, else the sentence that says what is wrong.
inline const char* fault_of(const pool_options& options, bool tracked) noexcept {
    if (!std::has_single_bit(options.page_size) || options.page_size < smallest_page ||
        options.page_size > largest_page)
        return "page_size must be a power of two from 4096 bytes to 1 GiB";
    if (options.pages == 0) return "a pool needs at least one page: set pool_options::pages";
    if (options.pages > (std::size_t{1} << 47) / options.page_size)
        return "page_size times pages is more than the address space holds";
    if (tracked && options.memory != memory_kind::automatic && options.memory != memory_kind::memfd)
        return "a tracked pool maps its memory twice and so lives in a memfd: ask for "
               "memory_kind::automatic or memory_kind::memfd";
    return nullptr;
}

/// True if memory of this kind is kept from children.
constexpr bool leaves_out(fork_policy policy, memory_kind kind) noexcept {
    return policy == fork_policy::leave_out ||
           (policy == fork_policy::automatic && kind == memory_kind::hugetlb);
}

template <class Domain>
using free_page_store_of = std::conditional_t<std::is_same_v<counting_t<Domain>, local_counting>,
                                              local_free_page_store, free_page_store>;

template <class Domain>
class pool_state final : public free_page_store_of<Domain> {
    using kernel = typename Domain::kernel;
    using store = free_page_store_of<Domain>;
    using memory_slab = slab<kernel>;
    static constexpr bool tracks = tracking<Domain>::enabled;
    static constexpr bool shared = std::is_same_v<store, free_page_store>;

public:
    /// Null, with `failure` filled and nothing left behind, if it cannot be made.
    static pool_state* try_make(Domain domain, const pool_options& options, dma_access access,
                                pin_failure& failure) {
        keep_loaded();
        failure = {};
        if (const char* fault = fault_of(options, tracks); fault != nullptr) {
            refuse(failure, EINVAL, "page_pool", fault);
            return nullptr;
        }
        const memory_kind kind = tracks ? memory_kind::memfd : options.memory;
        auto memory =
            memory_slab::try_map(options.page_size * options.pages, kind, base_page_size(), failure);
        if (memory == nullptr) return nullptr;
        const bool left_out = leaves_out(options.fork, memory->kind());
        if (left_out && !memory->leave_out_of_children(failure)) return nullptr;
        const std::size_t zones = (options.pages + zone::max_pages - 1) / zone::max_pages;
        const std::size_t in_last = options.pages - (zones - 1) * zone::max_pages;
        auto descriptors =
            memory_slab::try_map((zones - 1) * zone::array_bytes + sizeof(zone) + in_last * sizeof(page),
                                 memory_kind::small_pages, zone::array_bytes, failure);
        if (descriptors == nullptr) return nullptr;
        std::unique_ptr<pool_state> made(
            new pool_state(std::move(domain), options, std::move(memory), std::move(descriptors), access));
        if (!made->pin(options, access, failure)) return nullptr;
        if constexpr (tracks) {
            const memory_slab& mapped = *made->memory_;
            if (!made->tracker_.init(mapped.memory(), mapped.memfd(), made->page_shift, left_out, failure))
                return nullptr;
        }
        return made.release();
    }

    ~pool_state() { registration_.release(std::move(memory_)); }

    /// The word of the first reference to a page that was free.
    std::uintptr_t start(page& p, reference_kind kind, [[maybe_unused]] origin_of<Domain> where) noexcept {
        if constexpr (tracks) return tracker_.first(p, kind, where.where);
        page_access::counts(p).start(kind);
        // not of plain ones: they have names, which are compared by their words
        const bool hints = shared && kind != reference_kind::plain;
        return reference_word(p).value() | (hints ? reference_word::first_tag : 0);
    }
    /// First references to pages of their own in all of `refs`; false, and nothing done, if that needs more
    /// than the thread's magazine, or one of them holds a page, which would have to be dropped first.
    template <class Ref>
    bool start_all(std::span<Ref> refs, reference_kind kind,
                   [[maybe_unused]] origin_of<Domain> where) noexcept {
        if constexpr (!tracks && shared) {
            for (const Ref& ref : refs)
                if (ref) return false;
            return this->take_each(refs.size(), [&](page& p, std::size_t i) noexcept {
                reference_access::set(refs[i], start(p, kind, where));
            });
        }
        return false;
    }
    /// The word of a reference that has been counted.
    std::uintptr_t counted(page& p, [[maybe_unused]] reference_kind kind,
                           [[maybe_unused]] origin_of<Domain> where) noexcept {
        if constexpr (tracks) return tracker_.lead(p, kind, where.where);
        return reference_word(p).value();
    }
    auto& tracker() noexcept { return tracker_; }

    /// As the store's; a tracked pool lists the references that are out.
    void close() noexcept {
        if constexpr (tracks) tracker_.report();
        handle_access::count_as_pin(domain); // nobody reaches it any more
        store::close();
    }

    page* find(const void* address) const noexcept {
        auto at = reinterpret_cast<std::uintptr_t>(address);
        if constexpr (tracks) at = tracker_.canonical(at);
        const std::uintptr_t offset = at - begin_;
        const std::size_t number = offset >> page_shift;
        return number < this->arrays().pages() ? &this->arrays().page_at(number) : nullptr;
    }

    pool_stats stats() {
        pool_stats result;
        result.pages = this->arrays().pages();
        result.free = this->free_pages();
        for (std::size_t i = 0; i < result.pages; ++i)
            if (page_access::counts(this->arrays().page_at(i)).pinned()) ++result.pinned;
        result.bytes_registered = registration_.bytes();
        if constexpr (requires { registration_.in_flight(); }) result.in_flight = registration_.in_flight();
        if constexpr (requires { registration_.slots(); }) result.slots = registration_.slots();
        result.memory = memory_->kind();
        result.memory_page_size = memory_->page_size_got();
        return result;
    }

    [[noreturn, gnu::cold, gnu::noinline]] void throw_exhausted(const char* call, std::size_t wanted) {
        const std::size_t pages = this->arrays().pages();
        if (made_by_ != this_process())
            throw_refusal(EPERM, call,
                          "this pool belongs to the parent process and its pages are not pinned in the "
                          "child: make a pool of your own");
        throw_refusal(ENOBUFS, call,
                      std::to_string(pages - this->free_pages()) + " of " + std::to_string(pages) +
                          " pages are out and " + std::to_string(wanted) +
                          " more wanted: put some, or make the pool larger");
    }

    Domain domain;
    const unsigned page_shift;
    std::optional<pin_failure> why_unpinned;

private:
    pool_state(Domain in, const pool_options& options, std::unique_ptr<memory_slab> memory,
               std::unique_ptr<memory_slab> descriptors, dma_access access) noexcept
        : store(page_arrays(*reinterpret_cast<zone*>(descriptors->memory().data()), options.pages),
                std::type_identity<kernel>{}, [](store& s) noexcept { delete static_cast<pool_state*>(&s); }),

          domain(std::move(in)),
          page_shift(static_cast<unsigned>(std::countr_zero(options.page_size))),
          memory_(std::move(memory)),
          descriptors_(std::move(descriptors)),
          begin_(reinterpret_cast<std::uintptr_t>(memory_->memory().data())) {
        for (std::size_t i = 0; i < this->arrays().zones(); ++i) {
            auto* const at = descriptors_->memory().data() + i * zone::array_bytes;
            zone& made =
                zone_access::make(at, memory_->memory().data() + ((i * zone::max_pages) << page_shift),
                                  page_shift, access, static_cast<store*>(this), &store::on_release);
            if constexpr (shared)
                zone_access::set_drop_first(made, &store::drop_first);
            else
                zone_access::set_thread(made, this_thread_identity());
        }
    }

    bool pin(const pool_options& options, dma_access access, pin_failure& failure) {
        const std::span<const std::byte> range(memory_->memory().data(), options.page_size * options.pages);
        // reserved is not granted, and not every domain touches what it pins
        if (memory_->kind() == memory_kind::hugetlb && !memory_->populate(failure)) return false;
        if (auto pinned = domain.try_pin(range, access, failure); pinned.has_value()) {
            registration_ = std::move(*pinned);
        } else if (failure.kept) {
            static_cast<void>(memory_.release()); // a device may reach it still
            return false;
        } else if (usable_unpinned<Domain> && options.fallback == pin_fallback::unpinned) {
            if (!memory_->populate(failure)) return false;
            why_unpinned = std::move(failure);
            if constexpr (requires { domain.unpinned(); }) registration_ = domain.unpinned();
        } else {
            return false;
        }
        for (std::size_t i = 0; i < this->arrays().zones(); ++i)
            zone_access::set_registration(this->arrays().zone_at(i), &registration_);
        return true;
    }

    std::unique_ptr<memory_slab> memory_;
    std::unique_ptr<memory_slab> descriptors_;
    const std::uintptr_t begin_;
    typename Domain::registration registration_;
    const process_identity made_by_ = this_process();
    [[no_unique_address]] typename tracking<Domain>::pool tracker_;
};

/// The dirty pages of a pool, one after the other.
template <class Domain>
class dirty_page_range {
public:
    class iterator {
    public:
        using value_type = page_ref<Domain>;
        using difference_type = std::ptrdiff_t;

        iterator() = default;
        iterator(pool_state<Domain>& pool, origin_of<Domain> where) noexcept : pool_(&pool), where_(where) {
            ++*this;
        }
        /// A reference of its own to the page.
        page_ref<Domain> operator*() const noexcept { return get_page(found_, where_); }
        iterator& operator++() noexcept {
            for (found_ = {}; next_ < pool_->arrays().pages() && !found_; ++next_) found_ = look(next_);
            return *this;
        }
        void operator++(int) noexcept { ++*this; }
        bool operator==(std::default_sentinel_t) const noexcept { return !found_; }

    private:
        page_ref<Domain> look(std::size_t number) const noexcept {
            page& p = pool_->arrays().page_at(number);
            if (!page_access::dirty(p) || !page_access::counts(p).add_unless_free(reference_kind::plain))
                return {};
            auto ref =
                reference_access::make<page_ref<Domain>>(pool_->counted(p, reference_kind::plain, where_));
            if (!page_access::dirty(p)) return {}; // put and got again between the two looks
            return ref;
        }
        pool_state<Domain>* pool_ = nullptr;
        std::size_t next_ = 0;
        [[no_unique_address]] origin_of<Domain> where_ = by_library<Domain>();
        page_ref<Domain> found_;
    };

    dirty_page_range(pool_state<Domain>& pool, origin_of<Domain> where) noexcept
        : pool_(&pool), where_(where) {}
    iterator begin() const noexcept { return pool_->allow_lookups() ? iterator(*pool_, where_) : iterator(); }
    std::default_sentinel_t end() const noexcept { return {}; }

private:
    pool_state<Domain>* pool_;
    [[no_unique_address]] origin_of<Domain> where_;
};

} // namespace gup::inline GUP_NAMESPACE::detail
