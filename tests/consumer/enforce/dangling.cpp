// SPDX-License-Identifier: BSL-1.0
#include <gup/domain/io_uring.hpp>
#include <gup/gup.hpp>

std::span<std::byte> view(gup::page_ref<gup::io_uring_domain<>> page) { return page.bytes(); }
