// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// A named page that keeps its content for as long as it takes to copy it or to write it back.

#include "gup/page.hpp"

#include <utility>

namespace gup::inline GUP_NAMESPACE::detail {

/// While the page is frozen nobody is given a pin to write to it through a name: who asks gets a copy. Empty
/// if a device may write to it already. The page was found by name and stays in use meanwhile.
class frozen_page {
public:
    frozen_page() noexcept = default;
    explicit frozen_page(page& p) noexcept {
        page_access::freeze(p);
        if (page_access::counts(p).device_may_write())
            page_access::thaw(p);
        else
            page_ = &p;
    }
    frozen_page(frozen_page&& other) noexcept : page_(std::exchange(other.page_, nullptr)) {}
    frozen_page& operator=(frozen_page&& other) noexcept {
        std::swap(page_, other.page_);
        return *this;
    }
    ~frozen_page() {
        if (page_ != nullptr) page_access::thaw(*page_);
    }
    explicit operator bool() const noexcept { return page_ != nullptr; }

private:
    page* page_ = nullptr;
};

} // namespace gup::inline GUP_NAMESPACE::detail
