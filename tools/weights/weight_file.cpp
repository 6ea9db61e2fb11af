#include "tools/weights/weight_file.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <cctype>

#include "tools/error.h"
#include "tools/weights/safetensors.h"
#include "tools/weights/torch_file.h"

namespace skipzoo {

namespace {

using Bytes = std::span<const uint8_t>;

bool starts_with(Bytes bytes, std::string_view magic) {
  return bytes.size() >= magic.size() &&
         std::equal(
             magic.begin(), magic.end(), bytes.begin(),
             [](char a, uint8_t b) { return static_cast<uint8_t>(a) == b; });
}

/// An 8-byte length of something that can be a header, and its first brace.
bool is_safetensors(Bytes bytes) {
  if (bytes.size() < 10 || bytes[8] != '{') return false;
  // A header of 256 MB is more than any file has: bytes 4 to 7 are zero.
  return std::all_of(bytes.begin() + 4, bytes.begin() + 8,
                     [](uint8_t byte) { return byte == 0; }) &&
         bytes[3] < 0x10;
}

/// What a file is that holds no weights, as far as its first bytes say.
std::string what_else(Bytes bytes) {
  std::string head(bytes.begin(),
                   bytes.begin() + static_cast<int64_t>(
                                       std::min<size_t>(bytes.size(), 256)));
  std::transform(head.begin(), head.end(), head.begin(), [](char c) {
    return static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  });
  if (head.find("<html") != std::string::npos ||
      head.find("<!doctype") != std::string::npos) {
    return "an HTML page: was the download redirected?";
  }
  if (head.starts_with("version https://git-lfs")) {
    return "a Git LFS pointer: fetch the file itself, by git lfs pull";
  }
  if (starts_with(bytes, "\x1f\x8b")) return "a gzip file: unpack it first";
  if (starts_with(bytes, "\x89HDF")) {
    return "an HDF5 file, as Keras writes; it holds no PyTorch weights";
  }
  if (starts_with(bytes, "\x93NUMPY")) return "a NumPy array";
  if (starts_with(bytes, "\x80")) {
    return "a pickle, but none that torch.save wrote";
  }
  return "not a file of weights: no .pth, .safetensors or .skz";
}

/// The start of every file by torch.save before 1.6: its pickled magic number.
constexpr std::string_view kLegacyMagic(
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", 14);

WeightFile read_any(const std::filesystem::path& path,
                    const ReadOptions& options) {
  const auto file = MappedFile::open(path);
  const Bytes bytes = file->bytes();
  if (starts_with(bytes, "PK")) return read_torch_zip(path, file, options);
  if (starts_with(bytes, kLegacyMagic)) {
    return read_torch_legacy(file, options);
  }
  if (is_safetensors(bytes)) return read_safetensors(file, options);
  if (starts_with(bytes, "{"))
    return read_safetensors_index(path, file, options);
  throw FileError(path, what_else(bytes));
}

}  // namespace

std::string_view kind_text(WeightKind kind) {
  switch (kind) {
    case WeightKind::kTorchZip:
      return "a PyTorch file (zip)";
    case WeightKind::kTorchLegacy:
      return "a PyTorch file (before 1.6)";
    case WeightKind::kSafetensors:
      return "a safetensors file";
    case WeightKind::kTorchScript:
      return "a TorchScript archive";
    case WeightKind::kSkipzoo:
      return "a skipzoo checkpoint";
  }
  return "?";
}

WeightFile read_weight_file(const std::filesystem::path& path,
                            const ReadOptions& options) {
  try {
    auto weights = read_any(path, options);
    if (weights.tensors.empty()) throw FileError(path, "holds no tensors");
    return weights;
  } catch (const FileError&) {
    throw;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw FileError(path, "a damaged zip, or cut short: " +
                              text.substr(0, text.find('\n')));
  } catch (const std::runtime_error& error) {
    throw FileError(path, error.what());
  }
}

}  // namespace skipzoo
