// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `io_uring_domain`: memory registered as fixed buffers of one or several rings, and the operations on its
/// pages. For programs that give pages to io_uring. Needs liburing 2.3 or newer.

#include "gup/detail/io_uring/buffer_table.hpp"
#include "gup/domain/io_uring_operations.hpp"

#include <algorithm>
#include <array>
#include <concepts>
#include <memory>
#include <optional>
#include <span>
#include <utility>
#include <vector>

namespace gup {

/// How a domain uses the buffer tables of its rings.
struct io_uring_options {
    unsigned slots = 64; ///< table entries; a pool takes one for each GiB begun
    /// Set if the program has registered a buffer table of its own on every ring: the first of `slots` empty
    /// entries that it lends to the domain. Otherwise the domain makes the table and removes it at the end.
    std::optional<unsigned> first_slot{};
    unsigned operations =
        0; ///< operation records of each ring; 0 for as many as its completion queue has entries
};

/// Fixed buffers of rings that the caller owns. A counted handle: copies share the table. `Tag` makes two
/// domains of a program different types, so that their pages cannot be mixed up.
///
/// The domain keeps duplicates of the rings' descriptors: rings may be closed before pools, in any order, and
/// the kernel keeps a ring alive until its last pool has gone. The io_uring objects must stay where they are
/// while operations are prepared, taken back or submitted through the domain, and must not be resized.
/// Pinning and releasing are thread-safe; on IORING_SETUP_SINGLE_ISSUER rings pools are made on the
/// submitting thread, and a release on another thread waits for the domain's next call on that thread. A
/// forked child must not use the domain.
template <class Tag = void, class Kernel = system_kernel>
class io_uring_domain {
    using table = detail::buffer_table<Kernel>;

public:
    using kernel = Kernel;
    using tag = Tag;

    /// A range in the table of every ring; move-only, undone by its destructor. Default-constructed pins
    /// nothing.
    class [[nodiscard("dropping a registration unregisters its memory at once")]] registration
        : public detail::ring_binding {
    public:
        registration() = default;
        registration(registration && other) noexcept { take(other); }
        registration& operator=(registration&& other) noexcept {
            if (this == &other) return *this;
            release(nullptr);
            take(other);
            return *this;
        }
        registration(const registration&) = delete;
        registration& operator=(const registration&) = delete;
        ~registration() { release(nullptr); }

        /// Bytes that the kernel has pinned for it on each ring.
        std::size_t bytes() const noexcept { return range_.size(); }
        /// Entries of the table that it takes.
        std::size_t slots() const noexcept {
            return range_.empty() ? 0 : ((range_.size() - 1) >> detail::ring_binding::slot_shift) + 1;
        }
        /// Operations that own a reference to one of its pages.
        std::size_t in_flight() const noexcept {
            return table_ == nullptr
                       ? 0
                       : tokens.load(std::memory_order_relaxed) + table_->operations_in_flight(*this);
        }
        /// Clears the slots (IORING_REGISTER_BUFFERS_UPDATE), then destroys `memory`; see pin_domain.
        void release(std::unique_ptr<pinned_memory> memory) noexcept {
            const std::shared_ptr<table> from = std::move(table_);
            const std::span<const std::byte> range = std::exchange(range_, {});
            if (from != nullptr && !range.empty())
                from->release(static_cast<unsigned>(std::exchange(first_slot, unpinned)), range,
                              std::move(memory));
        }

    private:
        friend class io_uring_domain;
        registration(std::shared_ptr<table> from, std::span<const std::byte> range, int slot) noexcept
            : ring_binding(from.get(), reinterpret_cast<std::uintptr_t>(range.data()), slot),
              table_(std::move(from)),
              range_(range) {}
        /// Before any page of it is handed out, so that there are no tokens.
        void take(registration & other) noexcept {
            rings = other.rings;
            base = other.base;
            first_slot = std::exchange(other.first_slot, unpinned);
            table_ = std::move(other.table_);
            range_ = std::exchange(other.range_, {});
        }

        std::shared_ptr<table> table_;
        std::span<const std::byte> range_;
    };

    /// Over one ring. Throws pin_error and leaves the ring as it was.
    explicit io_uring_domain(io_uring& ring, io_uring_options options = {})
        : io_uring_domain(std::array{&ring}, options) {}
    /// Over several rings; a page can be used on each of them. With options, for two rings; for more use the
    /// form that takes a span.
    template <class... More>
        requires(sizeof...(More) > 0 && (std::same_as<More, io_uring> && ...))
    explicit io_uring_domain(io_uring& first, io_uring& second, More&... more)
        : io_uring_domain(std::array{&first, &second, &more...}, {}) {}
    io_uring_domain(io_uring& first, io_uring& second, io_uring_options options = {})
        : io_uring_domain(std::array{&first, &second}, options) {}
    io_uring_domain(std::span<io_uring* const> rings, io_uring_options options) {
        pin_failure failure;
        if (!init(rings, options, failure)) throw pin_error(std::move(failure));
    }

    /// As the constructor; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc
    /// only.
    [[nodiscard("this makes a domain")]] static std::optional<io_uring_domain>
    try_make(std::span<io_uring* const> rings, io_uring_options options, pin_failure& failure) {
        io_uring_domain made{nothing{}};
        if (!made.init(rings, options, failure)) return std::nullopt;
        return made;
    }

    /// Registers a range as one fixed buffer, split only at whole GiB, on every ring or on none. The range
    /// must stay mapped until the registration has gone. io_uring pins for writing whatever the access.
    /// Throws pin_error.
    registration pin(std::span<const std::byte> range, dma_access access) {
        pin_failure failure;
        if (auto made = try_pin(range, access, failure)) return std::move(*made);
        throw pin_error(std::move(failure));
    }
    /// As pin; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
    [[nodiscard("dropping a registration unregisters its memory at once")]] std::optional<registration>
    try_pin(std::span<const std::byte> range, dma_access, pin_failure& failure) {
        table_->settle();
        if (const char* fault = fault_of(range); fault != nullptr) {
            failure = {.code = std::make_error_code(std::errc::invalid_argument),
                       .call = "io_uring_domain::pin",
                       .range = range,
                       .remedy = fault};
            return std::nullopt;
        }
        const auto slot = table_->try_register(range, failure);
        if (!slot) return std::nullopt;
        return registration(table_, range, static_cast<int>(*slot));
    }
    /// A registration that pins nothing: operations on its pages are plain, unregistered I/O.
    registration unpinned() noexcept { return registration(table_, {}, detail::ring_binding::unpinned); }

    /// The rings, for the operations.
    detail::ring_set& rings() const noexcept { return *table_; }

    /// True if both are handles to the same table.
    friend bool operator==(const io_uring_domain&, const io_uring_domain&) noexcept = default;

    // Copies only: a handle that was moved from would refer to nothing, and pools take theirs by value.
    io_uring_domain(const io_uring_domain&) noexcept = default;
    io_uring_domain& operator=(const io_uring_domain&) noexcept = default;
    ~io_uring_domain() = default;

private:
    struct nothing {};
    explicit io_uring_domain(nothing) noexcept {}

    static const char* fault_of(std::span<const std::byte> range) noexcept {
        if (range.data() == nullptr || range.empty()) return "there is nothing to pin: the range is empty";
        if (reinterpret_cast<std::uintptr_t>(range.data()) + (range.size() - 1) <
            reinterpret_cast<std::uintptr_t>(range.data()))
            return "the range wraps around the end of the address space";
        return nullptr;
    }
    static const char* fault_of(std::span<io_uring* const> rings, const io_uring_options& options) noexcept;
    bool init(std::span<io_uring* const> rings, const io_uring_options& options, pin_failure& failure);

    std::shared_ptr<table> table_;
};

template <class Tag, class Kernel>
const char* io_uring_domain<Tag, Kernel>::fault_of(std::span<io_uring* const> rings,
                                                   const io_uring_options& options) noexcept {
    constexpr unsigned largest_table = 1U << 14; // the kernel's
    constexpr unsigned registered_descriptor_only =
        1U << 15; // IORING_SETUP_REGISTERED_FD_ONLY, newer than liburing 2.3
    if (rings.empty() || rings.size() > detail::ring_set::most_rings) return "a domain covers 1 to 16 rings";
    if (options.slots == 0 || options.slots > largest_table ||
        options.first_slot.value_or(0) > largest_table ||
        options.first_slot.value_or(0) + options.slots > largest_table)
        return "a buffer table has 1 to 16384 slots";
    if (options.operations > detail::ring_set::most_operations)
        return "a ring has at most 1048576 operation records";
    for (auto ring = rings.begin(); ring != rings.end(); ++ring) {
        if (*ring == nullptr) return "one of the rings is a null pointer";
        if (std::find(rings.begin(), ring, *ring) != ring) return "a ring is named twice";
        if (((*ring)->flags & registered_descriptor_only) != 0)
            return "a ring without a descriptor of its own (IORING_SETUP_REGISTERED_FD_ONLY) cannot be kept "
                   "alive: make it without that flag";
    }
    return nullptr;
}

template <class Tag, class Kernel>
bool io_uring_domain<Tag, Kernel>::init(std::span<io_uring* const> rings, const io_uring_options& options,
                                        pin_failure& failure) {
    if (const char* fault = fault_of(rings, options); fault != nullptr) {
        failure = {.code = std::make_error_code(std::errc::invalid_argument),
                   .call = "io_uring_domain",
                   .remedy = fault};
        return false;
    }
    auto made = std::make_shared<table>(
        detail::slot_range{options.first_slot.value_or(0), options.slots, options.first_slot.has_value()});
    for (const io_uring* ring : rings)
        if (!made->try_add(*ring, options.operations != 0 ? options.operations : ring->cq.ring_entries,
                           failure))
            return false; // the destructor takes the tables of the rings before away again
    table_ = std::move(made);
    return true;
}

static_assert(pin_domain<io_uring_domain<>>);

} // namespace gup
