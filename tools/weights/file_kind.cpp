#include "tools/weights/file_kind.h"

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// The first by name of a folder's entries with such an ending; empty where
/// there is none.
std::string first_file(const fs::path& folder,
                       std::initializer_list<std::string_view> endings) {
  std::string first;
  std::error_code ignored;
  for (fs::directory_iterator it(folder, ignored), end; !ignored && it != end;
       it.increment(ignored)) {
    const auto name = it->path().filename().string();
    const auto ending = it->path().extension().string();
    const bool fits =
        std::find(endings.begin(), endings.end(), ending) != endings.end();
    if (fits && (first.empty() || name < first)) first = name;
  }
  return first;
}

}  // namespace

std::string what_file(std::span<const uint8_t> bytes) {
  std::string head(bytes.begin(),
                   bytes.begin() + static_cast<int64_t>(
                                       std::min<size_t>(bytes.size(), 256)));
  using std::string_view_literals::operator""sv;
  static constexpr std::pair<std::string_view, const char*> kStarts[] = {
      {"\x1f\x8b"sv, "a gzip file: unpack it first"},
      {"\xfd"
       "7zXZ"sv,
       "an xz file: unpack it first"},
      {"BZh"sv, "a bzip2 file: unpack it first"},
      {"\x28\xb5\x2f\xfd"sv, "a zstd file: unpack it first"},
      {"7z\xbc\xaf"sv, "a 7z archive: unpack it first"},
      {"Rar!"sv, "a RAR archive: unpack it first"},
      {"\x89HDF"sv,
       "an HDF5 file, as Keras writes; it holds no PyTorch weights"},
      {"\x93NUMPY"sv, "a NumPy array"},
      {"GGUF"sv,
       "a GGUF file, as llama.cpp reads; it holds no network of ours"},
      {"\x80"sv, "a pickle, but none that torch.save wrote"}};
  for (const auto& [start, what] : kStarts) {
    if (head.starts_with(start)) return what;
  }
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
  return "not a file of weights: no .pth, .safetensors or .skz";
}

std::string what_zip(const ZipFile& zip) {
  const auto& records = zip.records();
  const auto named = [&](auto fits) {
    return std::find_if(records.begin(), records.end(), [&](const auto& one) {
      return fits(std::string_view(one.name));
    });
  };
  const auto ends_in = [](std::initializer_list<std::string_view> endings) {
    return [endings =
                std::vector<std::string_view>(endings)](std::string_view name) {
      return std::any_of(endings.begin(), endings.end(),
                         [&](auto end) { return name.ends_with(end); });
    };
  };
  if (std::any_of(records.begin(), records.end(),
                  [](const auto& record) { return record.is_encrypted; })) {
    return "is a zip that is protected by a password; unpack it first";
  }
  if (named(ends_in({"/archive_format", "models/model.json",
                     "serialized_exported_program.json"})) != records.end()) {
    return "is a program of torch.export (.pt2), not a file of weights; give "
           "the checkpoint that it was exported from, or save the program's "
           "state_dict in Python";
  }
  if (named(ends_in({".weights.h5"})) != records.end()) {
    return "is a Keras file; it holds no PyTorch weights";
  }
  if (named(ends_in({"/byteorder", "/version"})) == records.end() &&
      named(ends_in({".npy"})) != records.end()) {
    return "is a NumPy archive (.npz), which does not say what its arrays are; "
           "save them in Python by torch.save";
  }
  const auto inner = named(ends_in({".pth", ".pt", ".bin", ".ckpt", ".skz",
                                    ".safetensors", ".th", ".tar", ".zip"}));
  if (inner != records.end()) {
    return "is a zip around " + inner->name + "; unpack it first";
  }
  return "lacks its record data.pkl: it is a zip, but none that torch.save "
         "wrote";
}

std::string what_folder(const fs::path& path) {
  std::error_code ignored;
  const auto has = [&](const char* name) {
    return fs::exists(path / name, ignored);
  };
  if (has(".metadata")) {
    return "is a distributed checkpoint; make one file of it, by python -m "
           "torch.distributed.checkpoint.format_utils dcp_to_torch FOLDER "
           "model.pth";
  }
  for (const char* name :
       {"best.skz", "last.skz", "model.safetensors.index.json",
        "model.safetensors", "pytorch_model.bin.index.json",
        "pytorch_model.bin"}) {
    if (has(name)) {
      return "is a folder, expected a file; its weights are in " +
             (path / name).string();
    }
  }
  if (has("data.pkl")) {
    return "is an unpacked .pth; pack the folder again, by zip -0 -r";
  }
  if (!first_file(path, {".distcp"}).empty()) {
    return "is a distributed checkpoint that lacks its .metadata; was the "
           "download cut short?";
  }
  if (const auto file = first_file(path, {".safetensors", ".pth", ".pt", ".bin",
                                          ".ckpt", ".th", ".skz"});
      !file.empty()) {
    return "is a folder, expected a file; in it is " + (path / file).string();
  }
  if (has("config.json")) {
    return "is a folder of a Hugging Face model without its weights, "
           "model.safetensors or pytorch_model.bin; was the download cut "
           "short?";
  }
  return "is a folder, expected a file of weights";
}

}  // namespace skipzoo
