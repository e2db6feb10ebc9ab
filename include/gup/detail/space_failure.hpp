// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Why an address space refuses what it is asked, in words.

#include "gup/error.hpp"

#include <cerrno>
#include <cstdint>
#include <string>

namespace gup::inline GUP_NAMESPACE::detail {

[[noreturn]] inline void throw_foreign_process(const char* call) {
    throw_refusal(EPERM, call, "this address space belongs to the parent process: make one of your own");
}
[[noreturn]] inline void throw_name_taken(const char* call, std::uint64_t index) {
    throw_refusal(EEXIST, call, "index " + std::to_string(index) + " names a page already: remove it first");
}
[[noreturn]] inline void throw_no_name(const char* call, std::uint64_t index) {
    throw_refusal(ENOENT, call, "index " + std::to_string(index) + " names no page: insert one first");
}
[[noreturn]] inline void throw_written(const char* call, std::uint64_t index) {
    throw_refusal(EBUSY, call,
                  "the page of index " + std::to_string(index) +
                      " is pinned for writing: put those pins before it gets another name");
}
[[noreturn]] inline void throw_crowded(const char* call, std::uint64_t index) {
    throw_refusal(
        EMLINK, call,
        "the page that index " + std::to_string(index) +
            " stands for has as many names or references as a page can have: use a copy of it from here on");
}
[[noreturn]] inline void throw_wrong_proxy(const char* call, std::uint64_t index) {
    throw_refusal(EINVAL, call,
                  "the source gave no proxy in front of the page of index " + std::to_string(index) +
                      ": its make must return one with that index");
}
[[noreturn]] inline void throw_access(const char* call, std::uint64_t index) {
    throw_refusal(EACCES, call,
                  "the page of index " + std::to_string(index) +
                      " comes from memory of narrower access: ask for what its pool or range was made with");
}
[[noreturn]] inline void throw_no_copy(const char* call, std::uint64_t index) {
    throw_refusal(ENOBUFS, call,
                  "the page of index " + std::to_string(index) +
                      " has other names and no page is free to copy it to: give the space a pool with free "
                      "pages of the same size");
}

} // namespace gup::inline GUP_NAMESPACE::detail
