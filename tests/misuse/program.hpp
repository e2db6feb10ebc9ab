// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// What the programs of the misuse suite have in common: a domain, its pool and references, and functions of which
/// the compiler sees no body.

#include "gup/domain/io_uring.hpp"
#include "gup/gup.hpp"

#include <array>
#include <cstdio>
#include <cstdlib>
#include <optional>
#include <utility>
#include <vector>

using domain = gup::io_uring_domain<>;
using pool = gup::page_pool<domain>;
using pinned = gup::user_page_ref<domain>;
using reader = gup::user_page_ref<domain, gup::dma_access::read>;
using plain = gup::page_ref<domain>;
using token = gup::in_flight<pinned>;

void use(std::span<const std::byte> bytes) noexcept;
void fill(std::span<std::byte> bytes); // may throw
bool finished() noexcept;
