// SPDX-License-Identifier: BSL-1.0
// Random sequences of what spaces do, compared step by step with a map from names to numbered pages.
#include "gup/address_space.hpp"

#include "gup/local.hpp"
#include "gup_test/pools.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <map>
#include <rapidcheck.h>
#include <set>
#include <tuple>
#include <utility>
#include <vector>

using namespace gup_test;
using gup::dma_access;

namespace {

constexpr std::uint64_t indices = 4;
constexpr std::size_t pool_pages = 6;

/// What the model knows of a page.
struct model_page {
    std::byte content{};
    bool dirty = false;
    int writers = 0;
    int readers = 0;
    int names = 0;
};

using model_name = std::pair<std::size_t, std::uint64_t>; // of which space, and the index

template <class Domain>
class comparison {
    using writer = gup::user_page_ref<Domain>;
    using reader = gup::user_page_ref<Domain, dma_access::read>;

public:
    void step(unsigned what, unsigned which, unsigned how) {
        const model_name name{which % 2, which / 2 % indices};
        switch (what % 8) {
        case 0:
            return insert(name, static_cast<std::byte>(how));
        case 1:
            return share(name, {how % 2, how / 2 % indices});
        case 2:
            return remove(name);
        case 3:
            return pin_to_write(name, how);
        case 4:
            return pin_to_read(name);
        case 5:
            return write_back(name);
        case 6:
            return write(how);
        default:
            return put(how);
        }
    }

    void check() {
        for (std::size_t s = 0; s < 2; ++s) {
            std::vector<std::uint64_t> dirty;
            for (std::uint64_t index = 0; index < indices; ++index) {
                const auto known = names_.find({s, index});
                const auto found = gup::find_get_page(spaces_[s], index);
                RC_ASSERT(found.has_value() == (known != names_.end()));
                if (!found) continue;
                const model_page& page = pages_[known->second];
                RC_ASSERT(found->bytes()[0] == page.content);
                RC_ASSERT(found->bytes()[4095] == page.content);
                RC_ASSERT(gup::page_index(*found) == index);
                RC_ASSERT(gup::page_maybe_dma_pinned(*found) == (page.writers + page.readers > 0));
                if (page.dirty) dirty.push_back(index);
            }
            RC_ASSERT(spaces_[s].dirty_pages() == dirty);
        }
        RC_ASSERT(pool_.stats().free == pool_pages - used());
    }

private:
    struct pinned_writer {
        std::size_t page;
        writer ref;
    };
    struct pinned_reader {
        std::size_t page;
        reader ref;
    };

    /// Pages that a name or a pin holds.
    std::size_t used() const {
        std::size_t count = 0;
        for (const model_page& page : pages_) count += page.names + page.writers + page.readers > 0;
        return count;
    }
    std::size_t new_page(std::byte content, bool dirty) {
        pages_.push_back({.content = content, .dirty = dirty});
        return pages_.size() - 1;
    }

    void insert(const model_name& name, std::byte content) {
        auto page = gup::try_get_page(pool_);
        RC_ASSERT(page.has_value() == (used() < pool_pages));
        if (!page) return;
        std::fill(page->bytes().begin(), page->bytes().end(), content);
        const bool taken = names_.contains(name);
        RC_ASSERT(what_of([&] { spaces_[name.first].insert(name.second, *page); }).empty() != taken);
        if (taken) return;
        names_[name] = new_page(content, false);
        pages_.back().names = 1;
    }
    void share(const model_name& from, const model_name& to) {
        const auto known = names_.find(from);
        const bool possible =
            known != names_.end() && !names_.contains(to) && pages_[known->second].writers == 0;
        const auto said =
            what_of([&] { spaces_[from.first].share(from.second, spaces_[to.first], to.second); });
        RC_ASSERT(said.empty() == possible);
        if (!possible) return;
        ++pages_[known->second].names;
        names_[to] = known->second;
    }
    void remove(const model_name& name) {
        const auto known = names_.find(name);
        RC_ASSERT(spaces_[name.first].remove(name.second) == (known != names_.end()));
        if (known == names_.end()) return;
        --pages_[known->second].names;
        names_.erase(known);
    }
    void pin_to_write(const model_name& name, unsigned how) {
        const auto known = names_.find(name);
        const bool copies = known != names_.end() && pages_[known->second].names > 1;
        const bool possible = known != names_.end() && (!copies || used() < pool_pages);
        gup::maybe<writer> pin;
        if (how % 2 == 0) {
            pin = gup::get_user_page_fast(spaces_[name.first], name.second);
            RC_ASSERT(!pin || (possible && !copies));
        }
        if (!pin) {
            const auto said =
                what_of([&] { pin = gup::find_get_user_page(spaces_[name.first], name.second); });
            RC_ASSERT(said.empty() == (possible || known == names_.end()));
        }
        RC_ASSERT(pin.has_value() == possible);
        if (!pin) return;
        if (copies) {
            --pages_[known->second].names;
            known->second = new_page(pages_[known->second].content, pages_[known->second].dirty);
            pages_.back().names = 1;
        }
        ++pages_[known->second].writers;
        writers_.push_back({known->second, std::move(*pin)});
    }
    void pin_to_read(const model_name& name) {
        const auto known = names_.find(name);
        auto pin = gup::find_get_user_page<dma_access::read>(spaces_[name.first], name.second);
        RC_ASSERT(pin.has_value() == (known != names_.end()));
        if (!pin) return;
        ++pages_[known->second].readers;
        readers_.push_back({known->second, std::move(*pin)});
    }
    void write_back(const model_name& name) {
        const auto known = names_.find(name);
        if (known == names_.end()) return;
        model_page& page = pages_[known->second];
        const auto found = gup::find_get_page(spaces_[name.first], name.second);
        RC_ASSERT(gup::clear_page_dirty_for_io(*found) == (page.dirty && page.writers == 0));
        if (page.writers == 0) page.dirty = false;
    }
    void write(unsigned how) {
        if (writers_.empty()) return;
        auto& [page, ref] = writers_[how % writers_.size()];
        pages_[page].content = static_cast<std::byte>(how);
        std::fill(ref.bytes().begin(), ref.bytes().end(), static_cast<std::byte>(how));
    }
    void put(unsigned how) {
        if (how % 2 == 0 && !writers_.empty()) {
            auto [page, ref] = std::move(writers_.back());
            writers_.pop_back();
            --pages_[page].writers;
            if (how % 4 == 0) pages_[page].dirty = true;
            gup::put_user_page(std::move(ref), how % 4 == 0 ? gup::dirty : gup::clean);
        } else if (!readers_.empty()) {
            auto [page, ref] = std::move(readers_.back());
            readers_.pop_back();
            --pages_[page].readers;
            gup::put_user_page(std::move(ref));
        }
    }

    gup::page_pool<Domain> pool_{Domain{}, small(pool_pages)};
    std::array<gup::address_space<Domain>, 2> spaces_{gup::address_space<Domain>(pool_),
                                                      gup::address_space<Domain>(pool_)};
    std::map<model_name, std::size_t> names_{};
    std::vector<model_page> pages_{};
    std::vector<pinned_writer> writers_{};
    std::vector<pinned_reader> readers_{};
};

template <class Domain>
bool agrees_with_the_model() {
    using numbers = std::tuple<unsigned, unsigned, unsigned>;
    return rc::check("spaces against a map", [](const std::vector<numbers>& steps) {
        comparison<Domain> both;
        for (const auto& [what, which, how] : steps) {
            both.step(what, which, how);
            both.check();
        }
    });
}

} // namespace

TEST_CASE("two spaces agree with a map from names to pages") {
    CHECK(agrees_with_the_model<pretended>());
    CHECK(agrees_with_the_model<gup::local<pretended>>());
}
