// SPDX-License-Identifier: BSL-1.0
// The table of accesses: who may write, and what narrows to what.
#include "gup/detail/reference_counts.hpp"
#include "gup/dma_access.hpp"

using gup::dma_access;

static_assert(!gup::cpu_may_write(dma_access::read) && !gup::device_may_write(dma_access::read));
static_assert(gup::cpu_may_write(dma_access::to_device) && !gup::device_may_write(dma_access::to_device));
static_assert(gup::cpu_may_write(dma_access::read_write) && gup::device_may_write(dma_access::read_write));

static_assert(gup::narrows_to(dma_access::read, dma_access::read));
static_assert(!gup::narrows_to(dma_access::read, dma_access::to_device));
static_assert(!gup::narrows_to(dma_access::read, dma_access::read_write));
static_assert(gup::narrows_to(dma_access::to_device, dma_access::read));
static_assert(gup::narrows_to(dma_access::to_device, dma_access::to_device));
static_assert(!gup::narrows_to(dma_access::to_device, dma_access::read_write));
static_assert(gup::narrows_to(dma_access::read_write, dma_access::read));
static_assert(gup::narrows_to(dma_access::read_write, dma_access::to_device));
static_assert(gup::narrows_to(dma_access::read_write, dma_access::read_write));

// only a pin through which a device may write counts as a writer
static_assert(gup::detail::kind_of(dma_access::read) == gup::detail::reference_kind::reader);
static_assert(gup::detail::kind_of(dma_access::to_device) == gup::detail::reference_kind::reader);
static_assert(gup::detail::kind_of(dma_access::read_write) == gup::detail::reference_kind::writer);

static_assert(gup::clean == gup::put_as::clean && gup::dirty == gup::put_as::dirty);
