#include "tools/weights/weight_file.h"

#include <c10/util/Exception.h>

#include <algorithm>
#include <memory>
#include <new>
#include <optional>
#include <span>

#include "tools/error.h"
#include "tools/printable.h"
#include "tools/utf8.h"
#include "tools/weights/file_kind.h"
#include "tools/weights/input_file.h"
#include "tools/weights/safetensors.h"
#include "tools/weights/shards.h"
#include "tools/weights/state_dict.h"
#include "tools/weights/torch_file.h"

namespace skipzoo {

namespace {

bool starts_with(std::span<const uint8_t> bytes, std::string_view magic) {
  return std::string_view(reinterpret_cast<const char*>(bytes.data()),
                          bytes.size())
      .starts_with(magic);
}

/// Any kind of file of weights but an index of several.
std::optional<WeightFile> read_one(const std::shared_ptr<const InputFile>& file,
                                   std::span<const uint8_t> head,
                                   const ReadOptions& options) {
  if (starts_with(head, "PK")) return read_torch_zip(file, options);
  if (is_torch_legacy(*file)) return read_torch_legacy(file, options);
  if (is_tar(*file)) return read_torch_tar(file, options);
  // One that says so by its name alone is damaged: its reader says where.
  const bool is_called_so = file->path().extension() == ".safetensors";
  if (is_safetensors(*file) ||
      (is_called_so && what_file(head).starts_with("not a file"))) {
    return read_safetensors(file, options);
  }
  return std::nullopt;
}

WeightFile read_any(const std::filesystem::path& path,
                    const ReadOptions& options) {
  std::error_code ignored;
  if (std::filesystem::is_directory(path, ignored)) {
    throw FileError(path, what_folder(path));
  }
  const auto file = InputFile::open(path);
  const auto head = file->read(0, std::min<uint64_t>(file->size(), 256));
  if (auto weights = read_one(file, head, options)) return *std::move(weights);
  if (!starts_with(head, "{")) throw FileError(path, what_file(head));
  const auto read_shard = [&](const std::filesystem::path& beside) {
    const auto part = InputFile::open(beside);
    const auto start = part->read(0, std::min<uint64_t>(part->size(), 256));
    auto weights = read_one(part, start, options);
    if (!weights) throw FileError(beside, what_file(start));
    return *std::move(weights);
  };
  return read_index(file, static_cast<bool>(options.wanted), read_shard);
}

void check_names(const WeightFile& weights) {
  for (const auto& entry : weights.tensors) {
    if (is_utf8(entry.first)) continue;
    throw std::runtime_error("holds a tensor whose name is no UTF-8: " +
                             printable(entry.first));
  }
}

/// What a reader says, with parts of the file in it: for people, and short.
std::string words_of(std::string text) {
  constexpr size_t kMost = 1000;
  if (text.size() > kMost) text.resize(kMost);
  return printable_message(text);
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
    if (!options.key.empty() && weights.kind == WeightKind::kSafetensors) {
      keep_under(options.key, weights);
    }
    if (weights.tensors.empty() && !options.wanted)
      throw FileError(path, "holds no tensors");
    check_names(weights);
    return weights;
  } catch (const FileError&) {
    throw;
  } catch (const c10::Error& error) {
    const std::string text = error.what_without_backtrace();
    throw FileError(
        path, "cannot be read: " + words_of(text.substr(0, text.find('\n'))));
  } catch (const std::bad_alloc&) {
    throw FileError(path, "needs more memory than there is");
  } catch (const std::runtime_error& error) {
    throw FileError(path, words_of(error.what()));
  }
}

}  // namespace skipzoo
