// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A library that is opened and closed at run time.

#include "gup/address_space.hpp"
#include "gup/caller_memory.hpp"
#include "gup/domain/mlock.hpp"
#include "gup/page_pool.hpp"
#include "gup/pin_place.hpp"
#include "gup/tracked.hpp"

#include <memory>
#include <optional>
#include <span>

/// Pins nothing.
struct place {
    struct mark {};
    using kernel = gup::system_kernel;
    static constexpr const char* call = "pinning nowhere";
    static constexpr const char* in_child = "make another";

    std::optional<mark> try_pin(std::span<const std::byte>, gup::dma_access, gup::pin_failure&) {
        return mark{};
    }
    void unpin(const mark&, std::span<const std::byte>, std::unique_ptr<gup::pinned_memory>) noexcept {}
};
struct domain : gup::place_domain<place> {
    domain() : place_domain(std::in_place) {}
};

using pin = gup::mlock_domain::registration;
using tracked_pool = gup::page_pool<gup::tracked<domain>>;

/// What it gives to its program, each by a function of its own.
struct library {
    gup::user_page_ref<domain> (*page)();
    gup::page_ref<domain> (*proxy)();
    gup::user_page_ref<domain> (*memory)(domain, std::span<std::byte>);
    domain (*mark)();
    gup::user_page_ref<gup::tracked<domain>> (*place_of_get)(tracked_pool&);
    pin (*counts)(std::span<std::byte>);
};
extern "C" [[gnu::visibility("default")]] const library* the_library() noexcept;
