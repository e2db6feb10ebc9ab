// SPDX-License-Identifier: BSL-1.0
// program LIBRARY WHAT: lets the library give it one of its things, closes the library, and goes on with what
// it has.
#include "library.hpp"

#include <cstdio>
#include <dlfcn.h>
#include <string>
#include <string_view>
#include <sys/mman.h>
#include <thread>
#include <utility>

namespace {

/// The library while this object lives. What is asked of it is done on a thread that has ended then: what a
/// thread still has of a library keeps that open.
class opened {
public:
    explicit opened(const char* file) : handle_(::dlopen(file, RTLD_NOW | RTLD_LOCAL)) {
        if (handle_ == nullptr) {
            std::fprintf(stderr, "%s\n", ::dlerror());
            std::exit(2);
        }
    }
    opened(const opened&) = delete;
    opened& operator=(const opened&) = delete;
    ~opened() { ::dlclose(handle_); }

    template <class Ask>
    void ask(Ask ask) {
        const auto function = reinterpret_cast<decltype(&the_library)>(::dlsym(handle_, "the_library"));
        std::thread([&] { ask(*function()); }).join();
    }

private:
    void* handle_;
};

/// What one function of the library gives, after the library was closed.
template <class Given, class Ask>
Given get(const char* file, Ask ask) {
    std::optional<Given> given;
    opened(file).ask([&](const library& from) { given.emplace(ask(from)); });
    return std::move(*given);
}

std::span<std::byte> map(std::size_t bytes) {
    void* const at = ::mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return {static_cast<std::byte*>(at), bytes};
}

bool is_locked(std::span<std::byte> range) { return ::msync(range.data(), range.size(), MS_INVALIDATE) != 0; }

} // namespace

int main(int, char** arguments) {
    const char* const file = arguments[1];
    const std::string_view what = arguments[2];
    if (what == "page") {
        auto page = get<gup::user_page_ref<domain>>(file, [](const library& from) { return from.page(); });
        gup::put_user_page(std::move(page), gup::clean);
    }
    if (what == "proxy") {
        auto page = get<gup::page_ref<domain>>(file, [](const library& from) { return from.proxy(); });
        gup::put_page(std::move(page));
    }
    if (what == "memory") { // the registry is the program's, the record is not
        domain mine;
        gup::put_user_page(gup::get_user_pages(mine, map(4096)), gup::clean);
        auto page = get<gup::user_page_ref<domain>>(
            file, [&](const library& from) { return from.memory(mine, map(8192)); });
        gup::put_user_page(std::move(page), gup::clean);
    }
    if (what == "mark") {
        std::optional<domain> theirs(get<domain>(file, [](const library& from) { return from.mark(); }));
        std::optional<gup::page_pool<domain>> pool(std::in_place, *theirs, gup::pool_options{.pages = 1});
        theirs.reset();
        pool.reset();
    }
    if (what == "place_of_get") {
        tracked_pool pool(gup::tracked<domain>(), {.pages = 1});
        auto page = get<gup::user_page_ref<gup::tracked<domain>>>(
            file, [&](const library& from) { return from.place_of_get(pool); });
        const auto out = gup::outstanding_references(pool);
        if (out.size() != 1 || std::string(out[0].got.file).find("library.cpp") == std::string::npos)
            return 1;
        gup::put_user_page(std::move(page), gup::clean);
    }
    if (what == "counts") { // those of a library that is opened again are the same
        const auto range = map(4096);
        const auto ask = [&](const library& from) { return from.counts(range); };
        auto first = get<pin>(file, ask);
        const auto second = get<pin>(file, ask);
        first = {};
        if (!is_locked(range)) return 1;
    }
}
