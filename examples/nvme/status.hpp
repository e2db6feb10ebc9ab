// SPDX-License-Identifier: BSL-1.0
#pragma once
/// \file
/// How a command ends that does not succeed.

#include <cstdint>
#include <cstdio>
#include <stdexcept>
#include <string>

namespace nvme {

/// The controller does not answer, or says that it is broken. Whoever throws this has not stopped it.
struct controller_failed : std::runtime_error {
    using std::runtime_error::runtime_error;
    controller_failed(const std::string& doing, const controller_failed& why)
        : runtime_error(doing + " failed: " + why.what()) {}
};

/// The meaning of a status code and its type.
inline const char* meaning(unsigned type, unsigned code) noexcept {
    switch (type << 8 | code) {
    case 0x001:
        return "invalid command opcode";
    case 0x002:
        return "invalid field in the command";
    case 0x004:
        return "data transfer error";
    case 0x005:
        return "aborted because of a power loss";
    case 0x006:
        return "internal error";
    case 0x007:
        return "aborted by request";
    case 0x008:
        return "aborted because its queue was deleted";
    case 0x00b:
        return "invalid namespace or format";
    case 0x013:
        return "invalid offset in a PRP entry";
    case 0x020:
        return "the namespace is write protected";
    case 0x080:
        return "LBA out of range";
    case 0x081:
        return "capacity exceeded";
    case 0x082:
        return "the namespace is not ready";
    case 0x083:
        return "reservation conflict";
    case 0x100:
        return "invalid completion queue";
    case 0x101:
        return "invalid queue identifier";
    case 0x102:
        return "invalid queue size";
    case 0x105:
        return "more commands were to be aborted at a time than it can";
    case 0x108:
        return "invalid interrupt vector";
    case 0x182:
        return "the range is read-only";
    case 0x280:
        return "write fault of the medium";
    case 0x281:
        return "unrecovered read error of the medium";
    case 0x286:
        return "access denied";
    case 0x287:
        return "the block has been deallocated or was never written";
    }
    return "of a kind that this program has no words for";
}

/// The controller refused a command, or could not do it.
struct command_failed : std::runtime_error {
    /// `status` as in the completion, without the phase.
    command_failed(const std::string& doing, unsigned status) : std::runtime_error(text(doing, status)) {}

private:
    static std::string text(const std::string& doing, unsigned status) {
        const unsigned type = status >> 8 & 7;
        const unsigned code = status & 0xff;
        char number[64];
        std::snprintf(number, sizeof number, " (status type %u, code 0x%02x%s)", type, code,
                      (status >> 14 & 1) != 0 ? ", do not retry" : "");
        return doing + " failed: " + meaning(type, code) + number;
    }
};

} // namespace nvme
