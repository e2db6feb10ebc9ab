// SPDX-License-Identifier: BSL-1.0
// The verbs of gup.cpp by hand, of the same ABI, and the two that add a reference without the test for
// overflow.
#include "support/hand.hpp"

#include <new>
#include <utility>

namespace by_hand {

using shared = hand::ref<hand::shared_count>;
using local = hand::ref<hand::local_count>;

shared ref(const shared& r) { return r.again<true>(); }
shared ref_unchecked(const shared& r) { return r.again<false>(); }
void put(shared&& r) { r.put(); }
void move(void* to, shared& from) { ::new (to) shared(std::move(from)); }
std::span<std::byte> bytes(const shared& r) { return r.bytes(); }
std::uint64_t iova(const shared& r) { return r.iova(); }
local local_ref(const local& r) { return r.again<true>(); }
local local_ref_unchecked(const local& r) { return r.again<false>(); }
void local_put(local&& r) { r.put(); }

} // namespace by_hand
