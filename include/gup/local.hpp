// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// `local<Domain>`: the same domain for programs that run one thread per core. References to its pages count
/// with plain integers, about ten times cheaper, and must stay on the thread that made the pool.

#include "gup/detail/reference_counts.hpp"

#include <utility>

namespace gup::inline GUP_NAMESPACE {

/// A domain whose pages are counted without atomics. Get, ref and put only on the thread that made the pool:
/// on any other, the program ends where it gets a page of the pool or drops one without a put, and, where
/// NDEBUG is not defined, at every ref and put too. Translation units of both kinds mix.
template <class Domain>
class [[gnu::visibility("default")]] local : public Domain {
public:
    using Domain::Domain;
    explicit local(Domain domain) noexcept(noexcept(Domain(std::move(domain)))) : Domain(std::move(domain)) {}
};

template <class Domain>
local(Domain) -> local<Domain>;

namespace detail {

template <class Domain>
struct counting_of {
    using type = shared_counting;
};
template <class Domain>
struct counting_of<local<Domain>> {
    using type = local_counting;
};

/// How references to pages of this domain count.
template <class Domain>
using counting_t = typename counting_of<Domain>::type;

} // namespace detail
} // namespace gup::inline GUP_NAMESPACE
