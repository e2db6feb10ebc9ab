// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Checks blocks against their files, and changes one of several names of a page.

#include "cache.hpp"
#include "memory.hpp"
#include "options.hpp"

#include "gup/io_uring_write_back.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>
#include <string>
#include <unistd.h>
#include <vector>

namespace dedup_cache {

inline std::string text_of(const block_name& name) {
    return name.file->name() + " block " + std::to_string(name.index);
}

/// What the file has of a block now, zeroes behind its end.
inline std::vector<std::byte> read_block(const block_name& name, std::size_t block) {
    std::vector<std::byte> bytes(block);
    for (std::size_t got = 0; got < block;) {
        const ssize_t more = ::pread(name.file->fd(), bytes.data() + got, block - got,
                                     static_cast<off_t>(name.index * block + got));
        if (more < 0) examples::fail(errno, "reading " + name.file->name());
        if (more == 0) break;
        got += static_cast<std::size_t>(more);
    }
    return bytes;
}

inline gup::page_ref<domain> cached_page(const block_name& name) {
    auto page = gup::find_get_page(name.file->space, name.index);
    if (!page) throw std::logic_error(text_of(name) + " is not in the cache");
    return std::move(*page);
}

/// Throws unless a cached block has the content of its file.
inline void verify(const block_name& name, std::size_t block, examples::progress& shown) {
    const auto page = cached_page(name);
    if (std::memcmp(page.bytes().data(), read_block(name, block).data(), block) != 0)
        throw std::runtime_error(text_of(name) + " is not what is cached of it: did the file change?");
    shown.advance(block);
}

/// Throws unless all names but the first have the old content, in one page that is not the first's.
inline void check_others(const content& page, std::span<const std::byte> old, std::string_view text) {
    const auto changed = cached_page(page.names.front());
    if (std::memcmp(changed.bytes().data(), text.data(), text.size()) != 0)
        throw std::logic_error(text_of(page.names.front()) + " lost what was written to it");
    for (std::size_t i = 1; i < page.names.size(); ++i) {
        const auto other = cached_page(page.names[i]);
        if (gup::page_to_pfn(other) == gup::page_to_pfn(changed) || !std::ranges::equal(other.bytes(), old))
            throw std::logic_error(text_of(page.names[i]) + " changed with another name");
    }
}

/// Writes the text through one name of the page that has the most, and checks the others.
inline void change(const options& chosen, memory& all, cache& cached) {
    // before the block is chosen: making room for the copy may evict one
    if (auto room = cached.free_page()) gup::put_user_page(std::move(*room), gup::clean);
    const auto found = std::ranges::max_element(cached.contents(), {},
                                                [](const content& page) { return page.names.size(); });
    if (found == cached.contents().end()) throw std::runtime_error("there is no block to change");
    const content& page = *found;
    const block_name& name = page.names.front();
    const std::vector<std::byte> old = read_block(name, chosen.block);
    {
        auto pinned =
            gup::find_get_user_page(name.file->space, name.index); // copies if there are other names
        if (!pinned) throw std::logic_error(text_of(name) + " is not in the cache");
        std::memcpy(pinned->bytes().data(), chosen.text->data(), chosen.text->size());
        gup::put_user_page(std::move(*pinned), gup::dirty);
    }
    check_others(page, old, *chosen.text);
    std::printf("write   %s changed, %zu other names keep the old content\n", text_of(name).c_str(),
                page.names.size() - 1);
    if (!chosen.save) return;

    // the file ends where it ended: what is behind its end in the page is not the file's
    const std::uint64_t begin = name.index * chosen.block;
    const std::size_t length = std::min<std::uint64_t>(chosen.block, name.file->size() - begin);
    const auto saved =
        gup::write_back(name.file->space, all.in, all.ring.get(), name.file->fd(), name.file->size());
    const auto now = read_block(name, chosen.block);
    const auto cached_now = cached_page(name);
    if (std::memcmp(now.data(), cached_now.bytes().data(), length) != 0)
        throw std::runtime_error(text_of(name) + " was not saved");
    std::printf("save    %zu block of %s written: %zu bytes from byte %llu on\n", saved.written,
                name.file->name().c_str(), length, static_cast<unsigned long long>(begin));
    if (chosen.text->size() > length)
        std::printf("save    %zu bytes of the text not written: the file ends before them\n",
                    chosen.text->size() - length);
}

} // namespace dedup_cache
