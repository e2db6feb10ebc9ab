// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `dynamic_page`: the descriptor of memory that the library did not allocate. `get_user_pages(domain, span)`
/// pins the caller's memory and gives a reference of the same type as those to pages of a pool.
///
/// A range has one descriptor and one count, whatever its length. Pinning exactly the same range once more,
/// in the same domain, is one pin more of it. A range that overlaps one that is pinned, without being the
/// same, is refused: the two would not know of each other's pins and dirty state.
///
/// Two shared mappings (MAP_SHARED) of the same part of a file are the same pages at two addresses. Pinned in
/// one domain they share a base, the one that was pinned first: pin, page number, dirty state and the address
/// that devices use are the base's, and memory is charged once. Each reference shows the address it was got
/// with. Private mappings never match, because their pages differ after the first write; nor do mappings that
/// cannot be written, or of files under two names (hard links): the kernel tells no program without
/// privileges whether those are the same pages, on overlayfs and btrfs they may not be. A range that shows
/// the same part of a file twice in a row, a mirror, is one range like any other.
///
/// The caller keeps the memory mapped until the last reference is put, through any of its mappings. What was
/// put dirty is known only while a reference of some kind is out.

#include "gup/page_flags.hpp"
#include "gup/pin_domain.hpp"

#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <type_traits>
#include <utility>

namespace gup {

namespace detail {
struct dynamic_access;
template <class Front, class Kernel>
class front_store;
template <class Domain>
class dynamic_registry;
} // namespace detail

/// Found through a reference that leads to one, and valid while that is held. All members may be called from
/// any thread.
class dynamic_page : detail::dynamic_front {
public:
    dynamic_page(const dynamic_page&) = delete;
    dynamic_page& operator=(const dynamic_page&) = delete;

    /// First byte of the memory, at the address that it was pinned with.
    std::byte* vaddr() const noexcept { return memory.address; }
    /// Bytes of the memory.
    std::size_t length() const noexcept { return memory.length; }
    /// The number of its first page: the base's.
    std::uint64_t pfn() const noexcept { return memory.pfn; }
    /// The page with the pin and the dirty flag: this one, or that of the mapping that was pinned first.
    const page& base_page() const noexcept { return *base; }
    /// Whatever the provider of the memory gave along; nothing for memory of the program's own.
    typed_pointer auxiliary() const noexcept { return memory.auxiliary; }
    /// True if another mapping of the same memory is the base.
    bool second_mapping() const noexcept { return forwards(); }

private:
    friend struct detail::dynamic_access;
    template <class Front, class Kernel>
    friend class detail::front_store;
    dynamic_page() noexcept = default;
};

namespace detail {

/// The library's own way into a dynamic page.
struct dynamic_access {
    static dynamic_page& of(const void* slot) noexcept { return static_cast<dynamic_page&>(front::of(slot)); }
    static dynamic_front& front_of(dynamic_page& d) noexcept { return d; }
    static const dynamic_page* of_page(const page& p) noexcept {
        return page_access::dynamic(p) ? &of(&p) : nullptr;
    }
    /// Word of a reference that counts in this part of a dynamic page.
    static std::uintptr_t word(const counted& c) noexcept {
        return reinterpret_cast<std::uintptr_t>(&c) | reference_word::dynamic_tag;
    }
};

} // namespace detail

/// The dynamic page that a reference leads to, through a proxy or not; null for a page of a pool.
template <page_reference Ref>
const dynamic_page* find_dynamic_page(const Ref& ref) noexcept {
    const std::uintptr_t word = detail::reference_access::word(ref);
    if ((word & detail::reference_word::dynamic_tag) != 0)
        return &detail::dynamic_access::of(&detail::counted_of(word));
    return detail::dynamic_access::of_page(page_descriptor(ref));
}
/// As find_dynamic_page, of a reference known to lead to one with no proxy in front.
template <page_reference Ref>
const dynamic_page& unchecked_dynamic_page(const Ref& ref) noexcept {
    return detail::dynamic_access::of(&detail::counted_of(detail::reference_access::word(ref)));
}

/// Bytes of the caller's memory that can be pinned.
template <class Byte>
concept pinnable_byte = std::same_as<std::remove_const_t<Byte>, std::byte>;

/// The access that memory of these bytes is pinned with by default.
template <pinnable_byte Byte>
inline constexpr dma_access natural_access =
    std::is_const_v<Byte> ? dma_access::read : dma_access::read_write;

/// Who provides memory that is neither the program's nor a file's, such as a device its BAR. A dynamic page
/// of it carries `auxiliary` and holds `keeper`, which is not null, until its last put. It never counts as
/// the same memory as another range, whatever the two seem to be mapped from; nor can it be pinned while the
/// same range is pinned without its provider (EBUSY), because nothing would keep it.
struct memory_provider {
    typed_pointer auxiliary{};
    std::shared_ptr<const void> keeper{};
};

/// As get_user_pages; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] std::optional<user_page_ref<Domain, Access>>
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, const memory_provider& provider,
                   pin_failure& failure) {
    static_assert(std::equality_comparable<Domain>,
                  "two pins of the same memory share a descriptor if they are in the same domain: give the "
                  "domain an operator== that says so");
    static_assert(!cpu_may_write(Access) || !std::is_const_v<Byte>,
                  "const memory is pinned for reading only: pass a span of std::byte to write to it");
    const std::uintptr_t word =
        detail::dynamic_registry<Domain>::current().get(domain, memory, Access, provider, failure);
    if (word == 0) return std::nullopt;
    auto ref = detail::reference_access::make<user_page_ref<Domain, Access>>(word);
    return std::optional(std::move(ref));
}
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] std::optional<user_page_ref<Domain, Access>>
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, pin_failure& failure) {
    return try_get_user_pages<Access>(domain, memory, memory_provider{}, failure);
}
template <pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] auto
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, pin_failure& failure) {
    return try_get_user_pages<natural_access<Byte>>(domain, memory, failure);
}

/// Pins memory of the caller's, which must be whole pages of the system. A span of const bytes gives a
/// reference of `dma_access::read`, any other one of `read_write` unless the access is named.
///
/// Throws pin_error: EINVAL for null, empty, wrapping ranges and those that are no whole pages; EFAULT for
/// holes; EACCES for memory that may not be read, or not be written as the access demands; EOPNOTSUPP for
/// memfd_secret, and for the memory of a device in a domain that cannot pin it; EBUSY if the range overlaps
/// one that is pinned, by its addresses or by the part of a file that it shows, or is pinned with less
/// access; and what the domain says. Reads /proc/self/maps unless exactly this range is pinned. Thread-safe,
/// except with `local<>` domains, whose pages belong to the calling thread.
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] user_page_ref<Domain, Access>
get_user_pages(Domain& domain, std::span<Byte, Extent> memory, const memory_provider& provider = {}) {
    pin_failure failure;
    if (auto ref = try_get_user_pages<Access>(domain, memory, provider, failure)) return std::move(*ref);
    throw pin_error(std::move(failure));
}
template <pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] user_page_ref<Domain, natural_access<Byte>>
get_user_pages(Domain& domain, std::span<Byte, Extent> memory) {
    return get_user_pages<natural_access<Byte>>(domain, memory);
}

/// An ordinary reference to the caller's memory that is pinned in the domain and holds this address, anywhere
/// inside it; empty if there is none. No system call.
template <pin_domain Domain>
[[nodiscard("the reference must be put")]] std::optional<page_ref<Domain>>
find_get_page(Domain& domain, const void* address) noexcept {
    auto* const registry = detail::dynamic_registry<Domain>::existing();
    const std::uintptr_t word = registry == nullptr ? 0 : registry->find(domain, address);
    if (word == 0) return std::nullopt;
    auto ref = detail::reference_access::make<page_ref<Domain>>(word);
    return std::optional(std::move(ref));
}

} // namespace gup

#include "gup/detail/dynamic_registry.hpp"
