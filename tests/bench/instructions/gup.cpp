// SPDX-License-Identifier: BSL-1.0
// The hot verbs, one function each; hand.cpp has the same by hand.
#include "gup/domain/mlock.hpp"
#include "gup/domain/vfio.hpp"
#include "gup/iova.hpp"
#include "gup/user_page_ref.hpp"

#include <new>
#include <utility>

namespace by_gup {

using shared = gup::user_page_ref<gup::mlock_domain>;
using mapped = gup::user_page_ref<gup::vfio_domain<>>;
using local = gup::user_page_ref<gup::local<gup::mlock_domain>>;

shared ref(const shared& r) { return gup::ref_user_page(r); }
void put(shared&& r) { gup::put_user_page(std::move(r), gup::clean); }
void move(void* to, shared& from) { ::new (to) shared(std::move(from)); }
std::span<std::byte> bytes(const shared& r) { return r.bytes(); }
std::uint64_t iova(const mapped& r) { return gup::iova(r); }
local local_ref(const local& r) { return gup::ref_user_page(r); }
void local_put(local&& r) { gup::put_user_page(std::move(r), gup::clean); }

} // namespace by_gup
