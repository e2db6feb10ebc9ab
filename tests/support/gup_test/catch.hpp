// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// Catch2 in version 2.13 or 3: what every test includes in place of Catch2's own headers. Use only what both versions
/// have; the string matcher `Contains` is not in 3, `text.find(part) != text.npos` is in both. The name of a test has no
/// semicolon, which CTest would take for the end of it.

#if __has_include(<catch2/catch_all.hpp>)
#include <catch2/catch_all.hpp>
#else
#include <catch2/catch.hpp>
#endif
