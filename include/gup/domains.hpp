// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `domains<A, B, ...>`: memory that is pinned in several domains at once, so that one page serves the
/// operations of each. For programs that read from a disk with io_uring what another device then fetches.

#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/tracking.hpp"
#include "gup/local.hpp"
#include "gup/pin_domain.hpp"

#include <array>
#include <concepts>
#include <cstddef>
#include <memory>
#include <optional>
#include <span>
#include <tuple>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

namespace detail {

template <class... Lists>
struct joined_places;
template <class... Places>
struct joined_places<place_list<Places...>> {
    using type = place_list<Places...>;
};
template <class... First, class... Second, class... Rest>
struct joined_places<place_list<First...>, place_list<Second...>, Rest...>
    : joined_places<place_list<First..., Second...>, Rest...> {};

} // namespace detail

template <pin_domain... Domains>
    requires(sizeof...(Domains) > 1)
class [[gnu::visibility("default")]] domains;

/// Several domains as one. A handle made of theirs: a copy shares all of them. Pools, dynamic pages and every
/// operation of any of the domains take it; a page of it is pinned in all, a page of one of them is of
/// another type and has no operations of the others. Each domain charges its budget in full. As thread-safe
/// as the least of them.
template <pin_domain... Domains>
    requires(sizeof...(Domains) > 1)
class domains : public Domains... {
    using first = std::tuple_element_t<0, std::tuple<Domains...>>;
    static constexpr std::size_t count = sizeof...(Domains);
    static_assert((std::is_same_v<detail::counting_t<Domains>, detail::shared_counting> && ...) &&
                      !(detail::tracking<Domains>::enabled || ...),
                  "local<> and tracked<> are for all domains of a page: write local<domains<...>> and "
                  "tracked<domains<...>>");

public:
    using kernel = typename first::kernel;
    using places = typename detail::joined_places<typename detail::places_of<Domains>::type...>::type;
    static constexpr bool usable_unpinned = (detail::usable_unpinned<Domains> && ...);
    static constexpr bool pins_device_memory = (detail::pins_device_memory<Domains> && ...);
    class registration;

    explicit domains(Domains... each) noexcept : Domains(std::move(each))... {}

    /// Pins the range in every domain, in their order, or in none. Throws what their `pin` throws.
    registration pin(std::span<const std::byte> range, dma_access access) {
        pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        detail::throw_failure(std::move(failure));
    }
    /// As pin; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
    [[nodiscard("dropping a registration undoes its pins at once")]] std::optional<registration>
    try_pin(std::span<const std::byte> range, dma_access access, pin_failure& failure) {
        registration made;
        made.share_memory();
        if ((pin_in<Domains>(made, range, access, failure) && ...)) return made;
        if (made.undo()) failure.kept = true;
        return std::nullopt;
    }
    /// A registration that pins nothing.
    registration unpinned() requires(usable_unpinned) {
        registration made;
        (leave_unpinned<Domains>(made), ...);
        return made;
    }

    /// True if both are handles to the same domains.
    friend bool operator==(const domains&, const domains&) noexcept = default;

private:
    template <class Domain>
    bool pin_in(registration& made, std::span<const std::byte> range, dma_access access,
                pin_failure& failure) {
        auto pinned = Domain::try_pin(range, access, failure);
        if (pinned) static_cast<typename Domain::registration&>(made) = std::move(*pinned);
        return pinned.has_value();
    }
    template <class Domain>
    void leave_unpinned(registration& made) {
        if constexpr (requires(Domain & d) { d.unpinned(); })
            static_cast<typename Domain::registration&>(made) = Domain::unpinned();
    }
};

template <class... Domains>
domains(Domains...) -> domains<Domains...>;

/// A pin in each of the domains; undone in reverse order. What the registration of one of them says of itself
/// is said of this one too.
template <pin_domain... Domains>
    requires(sizeof...(Domains) > 1)
class [[nodiscard("dropping a registration undoes its pins at once")]] domains<Domains...>::registration
    : public Domains::registration... {
public:
    registration() = default;
    registration(registration &&) noexcept = default;
    registration& operator=(registration&& other) noexcept {
        if (this == &other) return *this;
        release(nullptr);
        ((static_cast<typename Domains::registration&>(*this) =
              static_cast<typename Domains::registration&&>(other)),
         ...);
        shares_ = std::move(other.shares_);
        return *this;
    }
    registration(const registration&) = delete;
    registration& operator=(const registration&) = delete;
    ~registration() { release(nullptr); }

    /// Bytes that are pinned in the first domain.
    std::size_t bytes() const noexcept { return first::registration::bytes(); }
    /// Undoes the pins, the last domain's first; `memory` goes when every domain has let go of it.
    void release(std::unique_ptr<pinned_memory> memory) noexcept {
        if (memory != nullptr && shares_.back() != nullptr) shares_.back()->all->memory = std::move(memory);
        release_in_reverse(std::make_index_sequence<count>());
    }

private:
    friend class domains;

    struct common_memory {
        std::unique_ptr<pinned_memory> memory{};
    };
    /// What one domain keeps for as long as a device of its own may reach the memory.
    struct share final : pinned_memory {
        explicit share(std::shared_ptr<common_memory> of) noexcept : all(std::move(of)) {}
        const std::shared_ptr<common_memory> all;
    };

    /// Allocates now what release, which must not fail, needs.
    void share_memory() {
        detail::keep_loaded();
        const auto all = std::make_shared<common_memory>();
        for (auto& each : shares_) each = std::make_unique<share>(all);
    }
    /// Undoes the pins that there are; true if one of the domains would keep the memory.
    bool undo() noexcept {
        const std::shared_ptr<common_memory> all = shares_.front()->all;
        release(nullptr);
        return all.use_count() != 1;
    }
    template <std::size_t... Place>
    void release_in_reverse(std::index_sequence<Place...>) noexcept {
        (release_one<count - 1 - Place>(), ...);
    }
    template <std::size_t Place>
    void release_one() noexcept {
        using domain = std::tuple_element_t<Place, std::tuple<Domains...>>;
        domain::registration::release(std::move(shares_[Place]));
    }

    std::array<std::unique_ptr<share>, count> shares_{};
};

} // namespace gup::inline GUP_NAMESPACE
