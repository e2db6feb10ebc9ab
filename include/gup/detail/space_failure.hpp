// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Why an address space refuses what it is asked, in words.

#include "gup/error.hpp"

#include <cstdint>
#include <string>
#include <system_error>
#include <utility>

namespace gup::detail {

[[noreturn, gnu::cold, gnu::noinline]] inline void refuse_name(std::errc code, const char* call,
                                                               std::string remedy) {
    throw pin_error({.code = std::make_error_code(code), .call = call, .remedy = std::move(remedy)});
}
[[noreturn]] inline void throw_foreign_process(const char* call) {
    refuse_name(std::errc::operation_not_permitted, call,
                "this address space belongs to the parent process: make one of your own");
}
[[noreturn]] inline void throw_name_taken(const char* call, std::uint64_t index) {
    refuse_name(std::errc::file_exists, call,
                "index " + std::to_string(index) + " names a page already: remove it first");
}
[[noreturn]] inline void throw_no_name(const char* call, std::uint64_t index) {
    refuse_name(std::errc::no_such_file_or_directory, call,
                "index " + std::to_string(index) + " names no page: insert one first");
}
[[noreturn]] inline void throw_written(const char* call, std::uint64_t index) {
    refuse_name(std::errc::device_or_resource_busy, call,
                "the page of index " + std::to_string(index) +
                    " is pinned for writing: put those pins before it gets another name");
}
[[noreturn]] inline void throw_wrong_proxy(const char* call, std::uint64_t index) {
    refuse_name(std::errc::invalid_argument, call,
                "the source gave no proxy in front of the page of index " + std::to_string(index) +
                    ": its make must return one with that index");
}
[[noreturn]] inline void throw_access(const char* call, std::uint64_t index) {
    refuse_name(std::errc::permission_denied, call,
                "the page of index " + std::to_string(index) +
                    " comes from memory of narrower access: ask for what its pool or range was made with");
}
[[noreturn]] inline void throw_no_copy(const char* call, std::uint64_t index) {
    refuse_name(std::errc::no_buffer_space, call,
                "the page of index " + std::to_string(index) +
                    " has other names and no page is free to copy it to: give the space a pool with free "
                    "pages of the same size");
}

} // namespace gup::detail
