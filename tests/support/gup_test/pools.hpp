// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Small pools that pin nothing, and what many tests of pools say about them.

#include "gup/page_pool.hpp"
#include "gup_test/catch.hpp"
#include "gup_test/pretend_domain.hpp"

#include <cstddef>
#include <cstring>
#include <future>
#include <span>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace gup_test {

using pretended = pretend_domain<>;
using pretended_pool = gup::page_pool<pretended>;
using writer_ref = gup::user_page_ref<pretended>;
using sender_ref = gup::user_page_ref<pretended, gup::dma_access::to_device>;
using reader_ref = gup::user_page_ref<pretended, gup::dma_access::read>;
using plain_ref = gup::page_ref<pretended>;

/// Options for `pages` small pages.
inline gup::pool_options small(std::size_t pages, std::size_t page_size = 4096) {
    return {.page_size = page_size, .pages = pages, .memory = gup::memory_kind::small_pages};
}

inline pretended_pool pool_of(std::size_t pages, std::size_t page_size = 4096) {
    return pretended_pool(pretended{}, small(pages, page_size));
}

/// How many pages can be got one by one now.
template <class Domain, gup::dma_access Access>
std::size_t gettable(gup::page_pool<Domain, Access>& pool) {
    std::vector<gup::user_page_ref<Domain, Access>> got;
    while (auto ref = gup::try_get_user_page(pool)) got.push_back(std::move(*ref));
    return got.size();
}

/// Runs `body` on a thread of its own, to its end.
template <class Body>
void on_another_thread(Body body) {
    std::thread(std::move(body)).join();
}

/// What the gup error thrown by `body` says; empty if it throws none.
template <class Body>
std::string what_of(Body body) {
    try {
        body();
    } catch (const gup::pin_error& error) {
        return error.what();
    }
    return {};
}

/// Why `body` throws a gup error; fails the test if it throws none.
template <class Body>
gup::pin_failure failure_of(Body body) {
    try {
        body();
    } catch (const gup::pin_error& error) {
        return error.failure();
    }
    FAIL("no pin_error was thrown");
    return {};
}

/// Another thread that got and put a page of the pool, so that it has a cache of its pages, and stays until
/// the end of this object.
template <class Pool>
class lingering_thread {
public:
    explicit lingering_thread(Pool& pool)
        : thread_([this, &pool] {
              for (auto& ref : gup::get_user_pages(pool, 1)) ref = {};
              attached_.set_value();
              end_.get_future().wait();
          }) {
        attached_.get_future().wait();
    }
    lingering_thread(const lingering_thread&) = delete;
    lingering_thread& operator=(const lingering_thread&) = delete;
    ~lingering_thread() {
        end_.set_value();
        thread_.join();
    }

private:
    std::promise<void> attached_;
    std::promise<void> end_;
    std::thread thread_;
};

inline bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != text.npos;
}

} // namespace gup_test
