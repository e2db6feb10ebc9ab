// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Connected pairs of sockets over loopback.

#include "gup_test/catch.hpp"
#include "gup_test/scratch_file.hpp"

#include <array>
#include <cstddef>
#include <netinet/in.h>
#include <sys/socket.h>
#include <utility>
#include <vector>

namespace gup_test {

struct socket_pair {
    descriptor from;
    descriptor to;

    /// Receives exactly this many bytes, or fails the test.
    std::vector<std::byte> receive(std::size_t bytes) const {
        std::vector<std::byte> got(bytes);
        for (std::size_t at = 0; at < bytes;) { // the kernel interrupts a wait to run the work of a ring
            const ssize_t more = ::recv(to.fd(), got.data() + at, bytes - at, 0);
            REQUIRE(more > 0);
            at += static_cast<std::size_t>(more);
        }
        return got;
    }
};

/// AF_UNIX, which knows no zero copy.
inline socket_pair local_pair() {
    std::array<int, 2> ends{};
    REQUIRE(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends.data()) == 0);
    return {descriptor(ends[0]), descriptor(ends[1])};
}

/// TCP (SOCK_STREAM) or UDP (SOCK_DGRAM) over 127.0.0.1.
inline socket_pair loopback_pair(int type) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const generic = reinterpret_cast<sockaddr*>(&address);
    descriptor bound(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    descriptor from(::socket(AF_INET, type | SOCK_CLOEXEC, 0));
    REQUIRE(::bind(bound.fd(), generic, sizeof address) == 0);
    REQUIRE(::getsockname(bound.fd(), generic, &length) == 0);
    if (type == SOCK_STREAM) REQUIRE(::listen(bound.fd(), 1) == 0);
    REQUIRE(::connect(from.fd(), generic, sizeof address) == 0);
    if (type == SOCK_DGRAM) return {std::move(from), std::move(bound)};
    return {std::move(from), descriptor(::accept4(bound.fd(), nullptr, nullptr, SOCK_CLOEXEC))};
}

} // namespace gup_test
