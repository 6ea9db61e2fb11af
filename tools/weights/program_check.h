#pragma once

#include <filesystem>

namespace skipzoo {

/// Checks a TorchScript archive before LibTorch's own reader, which trusts it,
/// sees it: the zip and the CRC-32 of every record, none larger than memory,
/// and none packed that is not small; pickles that mean the same to both
/// readers, every tensor within its storage, and this within its record; code
/// and values whose nesting cannot exhaust a stack. Throws FileError.
void check_program(const std::filesystem::path& path);

}  // namespace skipzoo
