#pragma once

#include <filesystem>

namespace skipzoo {

/// Checks a TorchScript archive before LibTorch's own reader, which trusts it,
/// sees it: the zip and the CRC-32 of every record, none larger than memory, and
/// none packed that is not small; every pickled tensor within its storage, and this within its record;
/// code whose nesting cannot exhaust a parser's stack. Throws FileError.
void check_program(const std::filesystem::path& path);

}  // namespace skipzoo
