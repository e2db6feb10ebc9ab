// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// The cache: one address space per file, one page per content, and for every page its names.

#include "../common/input_file.hpp"
#include "../common/progress.hpp"

#include "gup/address_space.hpp"
#include "gup/domain/io_uring.hpp"
#include "gup/page_pool.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <filesystem>
#include <iterator>
#include <list>
#include <span>
#include <unordered_map>
#include <utility>
#include <vector>

namespace dedup_cache {

using domain = gup::io_uring_domain<>;
using page_pool = gup::page_pool<domain>;
using pinned_page = gup::user_page_ref<domain>;

/// A file and the names of its blocks.
struct cached_file : examples::input_file {
    cached_file(const std::filesystem::path& path, int flags, page_pool& copies)
        : input_file(path, flags), space(copies) {}

    gup::address_space<domain> space;
};

/// One block of one file.
struct block_name {
    cached_file* file;
    std::uint64_t index;
};

/// One page of the cache.
struct content {
    std::uint64_t hash;
    std::vector<block_name> names;
};

/// Not cryptographic: blocks of equal hash are compared.
inline std::uint64_t hash_of(std::span<const std::byte> block) noexcept {
    std::uint64_t hash = 0x9E3779B97F4A7C15U;
    for (std::size_t i = 0; i < block.size(); i += sizeof hash) {
        std::uint64_t word = 0;
        std::memcpy(&word, block.data() + i, sizeof word);
        hash = (hash ^ word) * 0xD6E8FEB86659FD93U;
        hash ^= hash >> 32;
    }
    return hash;
}

class cache {
public:
    /// Names of one page; a block that comes more often is kept once more.
    static constexpr std::size_t most_names = gup::address_space<domain>::most_names;

    explicit cache(page_pool& pool) : pool_(pool) {}

    /// The pages in use, from the one that was read first.
    const std::list<content>& contents() const noexcept { return contents_; }
    std::size_t pages() const noexcept { return contents_.size(); }
    std::size_t names() const noexcept { return names_; }
    std::size_t evicted() const noexcept { return evicted_; }

    /// A page to read into; empty if all are in use and none can be freed.
    gup::maybe<pinned_page> free_page() {
        for (;;) {
            if (auto page = gup::try_get_user_page(pool_)) return page;
            if (contents_.empty()) return {};
            forget_oldest();
        }
    }

    /// Gives a block that was read its name, and its page or that of an equal block.
    void add(block_name name, pinned_page page) {
        const std::uint64_t hash = hash_of(page.bytes());
        if (content* const same = find_equal(hash, page.bytes())) {
            const block_name& first = same->names.front();
            first.file->space.share(first.index, name.file->space, name.index);
            gup::put_user_page(std::move(page), gup::clean); // the last reference: the page is free again
            same->names.push_back(name);
        } else {
            name.file->space.insert(name.index, page);
            gup::put_user_page(std::move(page), gup::clean);
            // the device wrote to it, but what it wrote is what the file says
            if (const auto cached = gup::find_get_page(name.file->space, name.index))
                gup::clear_page_dirty_for_io(*cached);
            contents_.push_back({hash, {name}});
            by_hash_.emplace(hash, std::prev(contents_.end()));
        }
        ++names_;
    }

private:
    /// The page of an equal block, if it can take one more name.
    content* find_equal(std::uint64_t hash, std::span<const std::byte> block) {
        const auto [begin, end] = by_hash_.equal_range(hash);
        for (auto at = begin; at != end; ++at) {
            if (at->second->names.size() >= most_names) continue;
            const block_name& name = at->second->names.front();
            const auto page = gup::find_get_page(name.file->space, name.index);
            if (page && std::memcmp(page->bytes().data(), block.data(), block.size()) == 0)
                return &*at->second;
        }
        return nullptr;
    }
    void forget_oldest() {
        const content& oldest = contents_.front();
        for (const block_name& name : oldest.names) name.file->space.remove(name.index);
        names_ -= oldest.names.size();
        const auto [begin, end] = by_hash_.equal_range(oldest.hash);
        by_hash_.erase(
            std::find_if(begin, end, [&](const auto& entry) { return &*entry.second == &oldest; }));
        contents_.pop_front();
        ++evicted_;
    }

    page_pool& pool_;
    std::list<content> contents_;
    std::unordered_multimap<std::uint64_t, std::list<content>::iterator> by_hash_;
    std::size_t names_ = 0;
    std::size_t evicted_ = 0;
};

} // namespace dedup_cache
