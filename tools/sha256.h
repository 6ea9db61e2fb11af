#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace skipzoo {

/// SHA-256 (FIPS 180-4) in 64 hexadecimal digits, by OpenSSL.
std::string sha256(std::string_view bytes);
/// The same of a file, a piece at a time. Throws FileError.
///
/// PyTorch's published weights carry the first eight digits at the end of their
/// names (torch.hub's check_hash): resnet50-0676ba61.pth.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace skipzoo
