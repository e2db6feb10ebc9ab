// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What a new domain is written from: a place says how one range is pinned and unpinned, and `place_domain`
/// makes of it a domain, with its handle, registration, throwing and other twins, range check, and what a
/// forked child may not do. domain/README.md shows how.

#include "gup/detail/caller_range.hpp"
#include "gup/detail/keep_loaded.hpp"
#include "gup/detail/process.hpp"
#include "gup/in_flight.hpp"
#include "gup/pin_domain.hpp"
#include "gup/user_page_ref.hpp"

#include <cerrno>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

// Version 14 of clang-format cannot lay out concepts.
// clang-format off
/// How memory is pinned in one place.
///
/// * `mark` is what operations must know of a pin, such as a slot, a key or an I/O address. Its data is private:
///   the operations are its friends. Default-constructed it is that of memory that is not pinned.
/// * `kernel` is the policy that system calls go through, `call` names the pin in messages, and `in_child` says
///   what a forked child can do instead.
/// * `try_pin` pins all of a range or nothing, and then fills `failure`, whose range and call are set. The range
///   is not empty and does not wrap. What it cannot undo again it reports, and sets `kept`. From any thread, several at a time.
///   Throws std::bad_alloc only.
/// * `unpin` undoes it and then destroys `memory`, which may be null. If that is refused it reports through
///   report_release_failure and leaks `memory` (`static_cast<void>(memory.release())`): a device may reach it still.
///   From any thread, several at a time; never in a forked child.
/// * `last_handle_gone()`, if there is one, is called when the program has destroyed its last handle of the domain
///   and closed the last pool: what only a handle can complete is completed by nobody then. Pins may still be there.
///   Once, from any thread, noexcept; never in a forked child.
/// * Its destructor runs in a forked child too, where what the parent has open must stay as it is.
template <class Place>
concept pin_place =
    std::default_initializable<typename Place::mark> && std::is_nothrow_move_constructible_v<typename Place::mark> &&
    std::is_nothrow_move_assignable_v<typename Place::mark> && std::derived_from<typename Place::kernel, system_kernel> &&
    requires(Place& place, std::span<const std::byte> range, dma_access access, pin_failure& failure,
             const typename Place::mark& mark, std::unique_ptr<pinned_memory> memory) {
        { Place::call } -> std::convertible_to<const char*>;
        { Place::in_child } -> std::convertible_to<const char*>;
        { place.try_pin(range, access, failure) } -> std::same_as<std::optional<typename Place::mark>>;
        { place.unpin(mark, range, std::move(memory)) } noexcept;
    };
// clang-format on

template <pin_place Place, class Tag>
class place_domain;
template <pin_place Place, class Tag>
class place_registration;

namespace detail {

/// Keeps the mark of a registration where only the registration and operations reach it.
template <class Mark>
class marked {
    template <pin_place, class>
    friend class gup::place_registration;
    friend struct mark_access;

    marked() = default;
    explicit marked(Mark&& made) noexcept : mark_(std::move(made)) {}
    marked(marked&&) noexcept = default;
    marked& operator=(marked&&) noexcept = default;
    ~marked() = default;

    Mark mark_{};
};
struct mark_access {
    template <class Mark>
    static const Mark& of(const marked<Mark>& registration) noexcept {
        return registration.mark_;
    }
};

/// How the domain of a token's place pins; void for what is no place.
template <class>
struct pins_by {
    using type = void;
};
template <class Place, class Tag>
struct pins_by<place_domain<Place, Tag>> {
    using type = Place;
};

template <class Mark, class Domain>
[[gnu::always_inline]] inline const Mark& mark_in(std::uintptr_t word) noexcept {
    using registration = typename Domain::registration;
    static_assert(
        std::derived_from<registration, marked<Mark>>,
        "this page is not pinned where the operation needs it: its pool must be made with a domain of that "
        "place, and with one only");
    return mark_access::of<Mark>(registration_of<registration>(word));
}

} // namespace detail

/// A range that is pinned; move-only, undone by its destructor. Default-constructed it pins nothing. What a
/// mark says publicly of slots, operations in flight or I/O addresses its registration says, too. One object
/// is for one thread at a time.
template <pin_place Place, class Tag>
class [[nodiscard("dropping a registration undoes its pin at once")]] place_registration
    : public detail::marked<typename Place::mark> {
    using mark = typename Place::mark;
    using base = detail::marked<mark>;

public:
    place_registration() = default;
    place_registration(place_registration && other) noexcept
        : base(std::move(other)), from_(std::move(other.from_)), range_(std::exchange(other.range_, {})) {}
    place_registration& operator=(place_registration&& other) noexcept {
        if (this == &other) return *this;
        release(nullptr);
        base::operator=(std::move(other));
        from_ = std::move(other.from_);
        range_ = std::exchange(other.range_, {});
        return *this;
    }
    place_registration(const place_registration&) = delete;
    place_registration& operator=(const place_registration&) = delete;
    ~place_registration() { release(nullptr); }

    /// Bytes that are pinned.
    std::size_t bytes() const noexcept { return range_.size(); }
    /// Undoes the pin, then destroys `memory`; see pin_domain.
    void release(std::unique_ptr<pinned_memory> memory) noexcept {
        const auto from = std::move(from_);
        const auto range = std::exchange(range_, {});
        const mark was(std::move(this->mark_));
        if (from == nullptr || range.empty() || from->made_by != detail::this_process()) return;
        from->place.unpin(was, range, std::move(memory));
    }

    /// Entries of a table that the pin takes.
    auto slots() const noexcept requires requires(const mark& m) { m.slots(); }
    { return this->mark_.slots(); }
    /// References to its pages that operations own.
    auto in_flight() const noexcept requires requires(const mark& m) { m.in_flight(); }
    { return this->mark_.in_flight(); }
    /// I/O address of the first byte.
    auto iova() const noexcept requires requires(const mark& m) { m.iova(); }
    { return this->mark_.iova(); }

private:
    template <pin_place, class>
    friend class place_domain;
    /// What the copies of a domain share.
    struct shared : std::enable_shared_from_this<shared> {
        template <class... Arguments>
        explicit shared(Arguments&&... arguments) : place(std::forward<Arguments>(arguments)...) {}
        Place place;
        const detail::process_identity made_by = detail::this_process();
    };
    place_registration(std::shared_ptr<shared> from, std::span<const std::byte> range, mark made) noexcept
        : base(std::move(made)), from_(std::move(from)), range_(range) {}

    std::shared_ptr<shared> from_;
    std::span<const std::byte> range_;
};

/// The domain of a place, to derive from. A counted handle: copies share the place, which goes with the last
/// of them and of the pins. `Tag` makes two domains of a program different types, so that their pages cannot
/// be mixed up. As thread-safe as the place.
template <pin_place Place, class Tag = void>
class place_domain {
public:
    using kernel = typename Place::kernel;
    /// Which domain's device has a page, in the type of a token: in_flight<Ref, place>.
    using place = place_domain;
    using places = detail::place_list<place>;
    using registration = place_registration<Place, Tag>;

    /// Pins a range, which must stay mapped until the registration has gone. Throws pin_error: EINVAL for
    /// null, empty and wrapping ranges, EPERM in a forked child, and what the place says.
    registration pin(std::span<const std::byte> range, dma_access access) {
        pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        detail::throw_failure(std::move(failure));
    }
    /// As pin; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
    [[nodiscard("dropping a registration undoes its pin at once")]] std::optional<registration>
    try_pin(std::span<const std::byte> range, dma_access access, pin_failure& failure) {
        failure = {.call = Place::call, .range = range};
        if (shared_->made_by != detail::this_process()) {
            detail::refuse(failure, EPERM, Place::call, Place::in_child);
            return std::nullopt;
        }
        if (!detail::check_range(range, Place::call, failure)) return std::nullopt;
        auto mark = shared_->place.try_pin(range, access, failure);
        if (!mark && !failure.code) failure.code = detail::errno_code(EIO); // the place gave no reason
        if (!mark) {
            detail::explain_domain_refusal<kernel>(failure);
            return std::nullopt;
        }
        return registration(shared_->shared_from_this(), range, std::move(*mark));
    }

    /// True if both are handles to the same place.
    friend bool operator==(const place_domain&, const place_domain&) noexcept = default;

protected:
    /// With a place made from these arguments.
    template <class... Arguments>
    explicit place_domain(std::in_place_t, Arguments&&... arguments) {
        emplace(std::forward<Arguments>(arguments)...);
    }
    /// Without a place, for a constructor that goes on to emplace one.
    explicit place_domain(std::nullptr_t) noexcept {}
    // Copies only: a handle that was moved from would refer to nothing, and pools take theirs by value.
    place_domain(const place_domain&) noexcept = default;
    place_domain& operator=(const place_domain&) noexcept = default;
    ~place_domain() = default;

    /// Makes the place from these arguments; copies of this handle share it.
    template <class... Arguments>
    Place& emplace(Arguments&&... arguments) {
        detail::keep_loaded();
        auto made = std::make_shared<shared>(std::forward<Arguments>(arguments)...);
        if constexpr (handles::matter)
            shared_ = std::shared_ptr<shared>(std::make_shared<handles>(made), made.get());
        else
            shared_ = made;
        return made->place;
    }
    /// What all copies share.
    Place& the_place() const noexcept { return shared_->place; }
    /// A registration that pins nothing, with a mark that operations need all the same.
    registration unpinned_with(typename Place::mark mark) noexcept {
        return registration(shared_->shared_from_this(), {}, std::move(mark));
    }

private:
    friend struct detail::handle_access;
    using shared = typename registration::shared;

    /// What the program's handles share beside the place: it goes with the last of them.
    struct handles {
        static constexpr bool matter = requires(Place & place) { place.last_handle_gone(); };
        explicit handles(std::shared_ptr<shared> of) noexcept : all(std::move(of)) {}
        handles(const handles&) = delete;
        handles& operator=(const handles&) = delete;
        ~handles() {
            if (all->made_by == detail::this_process()) all->place.last_handle_gone();
        }
        const std::shared_ptr<shared> all;
    };
    void count_as_pin() noexcept { shared_ = shared_->shared_from_this(); }

    std::shared_ptr<shared> shared_; // counted with the handles, or as a pin
};

/// The mark of a page's pin, for the operations of a place: of a reference, or of the token of one that is in
/// flight; not empty. Valid as long as that is.
template <class Mark, class Domain, dma_access Access>
const Mark& mark_of(const user_page_ref<Domain, Access>& ref, detail::origin_of<Domain> where = {}) noexcept {
    return detail::mark_in<Mark, Domain>(detail::held(ref, where));
}
template <class Mark, class Ref, class Place>
const Mark& mark_of(const in_flight<Ref, Place>& token, detail::caller_of<Ref> where = {}) noexcept {
    return detail::mark_in<Mark, typename Ref::domain_type>(detail::held(token, where));
}

/// The memory of a page where a device finds it, for operations: its own, whatever the CPU sees through the
/// reference.
template <class Domain, dma_access Access>
std::span<const std::byte> pinned_bytes(const user_page_ref<Domain, Access>& ref,
                                        detail::origin_of<Domain> where = {}) noexcept {
    return detail::pinned_memory_of(detail::held(ref, where));
}
template <class Ref, class Place>
std::span<const std::byte> pinned_bytes(const in_flight<Ref, Place>& token,
                                        detail::caller_of<Ref> where = {}) noexcept {
    return detail::pinned_memory_of(detail::held(token, where));
}

} // namespace gup::inline GUP_NAMESPACE
