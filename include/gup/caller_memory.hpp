// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `get_user_pages(domain, span)`: pins memory that the library did not allocate. The reference is of the
/// same type as those to pages of a pool, and leads to a dynamic page.

#include "gup/detail/dynamic_registry.hpp"
#include "gup/detail/keep_loaded.hpp"
#include "gup/dynamic_page.hpp"
#include "gup/maybe.hpp"
#include "gup/pin_domain.hpp"

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <span>
#include <type_traits>
#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// Bytes of the caller's memory that can be pinned.
template <class Byte>
concept pinnable_byte = std::same_as<std::remove_const_t<Byte>, std::byte>;

/// The access that memory of these bytes is pinned with by default.
template <pinnable_byte Byte>
inline constexpr dma_access natural_access =
    std::is_const_v<Byte> ? dma_access::read : dma_access::read_write;

// Hidden, those that take a provider: they keep loaded what he, in the caller's shared object, is made of.

/// As get_user_pages; instead of throwing fills `failure` and returns nothing. Throws std::bad_alloc only.
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put"), gnu::visibility("hidden")]] maybe<user_page_ref<Domain, Access>>
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, const memory_provider& provider,
                   pin_failure& failure) {
    static_assert(!cpu_may_write(Access) || !std::is_const_v<Byte>,
                  "const memory is pinned for reading only: pass a span of std::byte to write to it");
    if (provider.keep_alive != nullptr) detail::keep_loaded();
    const std::uintptr_t word =
        detail::dynamic_registry<Domain>::current().get(domain, memory, Access, provider, failure);
    return detail::to_maybe(detail::reference_access::make<user_page_ref<Domain, Access>>(word));
}
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] maybe<user_page_ref<Domain, Access>>
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, pin_failure& failure) {
    return try_get_user_pages<Access>(domain, memory, memory_provider{}, failure);
}
template <pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] auto
try_get_user_pages(Domain& domain, std::span<Byte, Extent> memory, pin_failure& failure) {
    return try_get_user_pages<natural_access<Byte>>(domain, memory, failure);
}

/// Pins memory of the caller's, which must be whole pages of the system: one reference to all of it. A span
/// of const bytes gives one of `dma_access::read`, any other one of `read_write` unless the access is named.
///
/// Throws pin_error: EINVAL for null, empty, wrapping ranges and those that are no whole pages; EFAULT for
/// holes; EACCES for memory that may not be read, or not be written as the access demands; EOPNOTSUPP for
/// memfd_secret, and for the memory of a device in a domain that cannot pin it; EBUSY if the range overlaps
/// one that is pinned, by its addresses or by the part of a file that it shows, or is pinned with less
/// access; EMLINK if it has a million and a half references; and what the domain says. Asks the kernel for
/// the mappings of the range, or before Linux 6.11 reads all of /proc/self/maps.
///
/// Thread-safe, except with `local<>` domains, whose pages belong to the calling thread. Threads pin ranges
/// that do not overlap at the same time. Who wants a range that another thread pins or unpins just then waits
/// until that is done; if it is the same thread, that is EBUSY: a domain that itself pins memory, the
/// destructor of what a provider keeps alive, or a handler of on_release_failure may pin other memory only,
/// and must not wait for a thread that wants this.
///
/// A range that is pinned already is pinned once, whoever asks, and has one dirty flag. If it was unmapped
/// since, and mapped anew, it is other memory and gets a pin of its own; the references that were there
/// before lead to what was unmapped, which nobody sees any more. Private memory is watched for that with
/// userfaultfd(2), which keeps the program from registering it with an userfaultfd of its own; where that is
/// forbidden, and of private mappings of files, nobody can tell, and every call gets a pin of its own.
template <dma_access Access, pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put"), gnu::visibility("hidden")]] user_page_ref<Domain, Access>
get_user_pages(Domain& domain, std::span<Byte, Extent> memory, const memory_provider& provider = {}) {
    pin_failure failure;
    if (auto ref = try_get_user_pages<Access>(domain, memory, provider, failure))
        return std::move(ref).value();
    detail::throw_failure(std::move(failure));
}
template <pin_domain Domain, pinnable_byte Byte, std::size_t Extent>
[[nodiscard("the memory must be put")]] user_page_ref<Domain, natural_access<Byte>>
get_user_pages(Domain& domain, std::span<Byte, Extent> memory) {
    return get_user_pages<natural_access<Byte>>(domain, memory);
}

/// An ordinary reference to the caller's memory that is pinned in the domain and holds this address, anywhere
/// inside it; empty if there is none, or a thread is just pinning or unpinning it. No system call.
template <pin_domain Domain>
[[nodiscard("the reference must be put")]] maybe<page_ref<Domain>>
find_get_page(Domain& domain, const void* address) noexcept {
    auto* const registry = detail::dynamic_registry<Domain>::existing();
    const std::uintptr_t word = registry == nullptr ? 0 : registry->find(domain, address);
    return detail::to_maybe(detail::reference_access::make<page_ref<Domain>>(word));
}

// A wrong spelling of a domain, with what it lacks.

template <class Domain, pinnable_byte Byte, std::size_t Extent>
    requires(!std::equality_comparable<Domain> && requires { typename Domain::registration; })
user_page_ref<Domain, natural_access<Byte>> get_user_pages(Domain&, std::span<Byte, Extent>)
GUP_REFUSED("two pins of the same memory share a descriptor if they are in the same domain: give the domain "
            "an operator== that says so");

} // namespace gup::inline GUP_NAMESPACE
