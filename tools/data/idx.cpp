// MNIST's format: big-endian magic 0x0000TT00 + number of dimensions, where TT
// is the type of an element (8: bytes), a 32-bit size each, then the elements
// (Y. LeCun, "The MNIST database").

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <optional>
#include <set>

#include "tools/data/data_file.h"
#include "tools/data/dataset.h"
#include "tools/data/picture_files.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/memory.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// A file's bytes, unpacked where it is gzip'd; zlib reads both.
class Unpacked {
 public:
  explicit Unpacked(const fs::path& path) : path_(path) {
    DataFile file(path);
    packed_size_ = file.size();
    const int descriptor = file.release();
    file_ = gzdopen(descriptor, "rb");
    if (file_ == nullptr) throw FileError(path, "cannot be opened");
  }
  ~Unpacked() { gzclose_r(file_); }
  Unpacked(const Unpacked&) = delete;
  Unpacked& operator=(const Unpacked&) = delete;

  /// At most `count` bytes, fewer at the end of the file.
  std::vector<uint8_t> read(size_t count) {
    constexpr size_t kPiece = 1 << 26;
    std::vector<uint8_t> bytes;
    while (bytes.size() < count) {
      const size_t at = bytes.size();
      const size_t piece = std::min(count - at, kPiece);
      bytes.resize(at + piece);
      const int got = gzread(file_, &bytes[at], static_cast<unsigned>(piece));
      bytes.resize(at + static_cast<size_t>(std::max(got, 0)));
      if (got <= 0) break;
    }
    int status = Z_OK;
    gzerror(file_, &status);
    if (status != Z_OK && status != Z_STREAM_END) {
      throw FileError(path_,
                      "the gzip data end too early or are damaged; was the "
                      "download cut short?");
    }
    return bytes;
  }
  /// Known once something was read.
  bool is_packed() const { return gzdirect(file_) == 0; }
  /// What the file can hold at most: deflate packs 1032 bytes in one.
  double most() const {
    return (is_packed() ? 1032 : 1) * static_cast<double>(packed_size_);
  }

 private:
  fs::path path_;
  int64_t packed_size_ = 0;
  gzFile file_ = nullptr;
};

/// Of a product of sizes, which may exceed 64 bits.
std::string whole_number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.0f", value);
  return text;
}

/// Throws where a header is not that of bytes in so many dimensions.
void check_magic(const fs::path& path, const std::vector<uint8_t>& header,
                 size_t dimensions) {
  static const std::map<uint8_t, std::string> kTypes = {{9, "signed bytes"},
                                                        {11, "16-bit integers"},
                                                        {12, "32-bit integers"},
                                                        {13, "floats"},
                                                        {14, "doubles"}};
  const std::string expected = "not an IDX file of bytes in " +
                               std::to_string(dimensions) + " dimensions";
  if (header.size() < 4 || header[0] != 0 || header[1] != 0) {
    throw FileError(path, expected);
  }
  const auto type = kTypes.find(header[2]);
  if (type != kTypes.end()) {
    throw FileError(
        path, expected + ": its elements are of the type " + type->second);
  }
  if (header[2] == 8 && header[3] != dimensions) {
    throw FileError(path, expected + " but in " + std::to_string(header[3]));
  }
  if (header[2] != 8 || header.size() != 4 + 4 * dimensions) {
    throw FileError(path, expected);
  }
}

void refuse_size(const fs::path& path, const std::string& got, double expected,
                 const char* cause) {
  throw FileError(
      path, got + " bytes of data, expected " + whole_number(expected) + cause);
}

IdxArray read_idx(const fs::path& path, size_t dimensions) {
  Unpacked file(path);
  const size_t header_size = 4 + 4 * dimensions;
  const auto header = file.read(header_size);
  check_magic(path, header, dimensions);
  IdxArray array;
  // In double: sizes of a damaged header may not fit 64 bits.
  double expected = 1;
  for (size_t at = 4; at < header_size; at += 4) {
    array.shape.push_back(int64_t{header[at]} << 24 |
                          int64_t{header[at + 1]} << 16 |
                          int64_t{header[at + 2]} << 8 | header[at + 3]);
    expected *= static_cast<double>(array.shape.back());
  }
  constexpr const char* kCutShort = "; was the download cut short?";
  const double most = file.most() - static_cast<double>(header_size);
  if (expected > most) {
    refuse_size(path, (file.is_packed() ? "at most " : "") + whole_number(most),
                expected, kCutShort);
  }
  if (expected > memory_of_machine() / 2) {
    throw FileError(path, "its header promises " + bytes_text(expected) +
                              " of data, more than fit the memory here");
  }
  // One byte more than promised tells of too much, whatever it swells to.
  array.values = file.read(static_cast<size_t>(expected) + 1);
  if (static_cast<double>(array.values.size()) > expected) {
    refuse_size(path, "more than " + whole_number(expected), expected,
                ", as its header says; is it whole, and alone in the file?");
  }
  if (static_cast<double>(array.values.size()) < expected) {
    refuse_size(path, std::to_string(array.values.size()), expected, kCutShort);
  }
  return array;
}

/// How the files of a split are named: PREFIX-images-idx3-ubyte, also with a
/// point before idx3, both also with .gz; EMNIST's have a name in front.
struct IdxFiles {
  fs::path images;
  fs::path labels;
};

/// The file of that name; Kaggle's MNIST has each in a folder of its own name.
std::optional<fs::path> file_at(const fs::path& path) {
  std::error_code unknown;
  for (const auto& place : {path, path / path.filename()}) {
    if (fs::exists(place, unknown) && !fs::is_directory(place, unknown)) {
      return place;
    }
  }
  return std::nullopt;
}

/// The labels beside a file of pictures, under any of their names.
std::optional<fs::path> labels_of(const fs::path& folder,
                                  const std::string& prefix) {
  for (const char* rest : {"-labels-idx1-ubyte", "-labels.idx1-ubyte"}) {
    for (const char* packed : {"", ".gz"}) {
      if (const auto file = file_at(folder / (prefix + rest + packed))) {
        return file;
      }
    }
  }
  return std::nullopt;
}

/// The part of a name before "-images-idx3-ubyte"; nothing for other names.
std::optional<std::string> prefix_of(std::string name) {
  if (name.ends_with(".gz")) name.resize(name.size() - 3);
  for (const char* rest : {"-images-idx3-ubyte", "-images.idx3-ubyte"}) {
    if (name.ends_with(rest)) return name.substr(0, name.find(rest));
  }
  return std::nullopt;
}

[[noreturn]] void refuse_folder(const fs::path& root, const std::string& what) {
  std::vector<std::string> names;
  std::error_code unknown;
  if (fs::is_directory(root, unknown)) {
    for (const auto& entry : sorted_entries(root)) {
      names.push_back(entry.path().filename().string());
    }
  }
  throw FileError(
      root, what + (names.empty() ? "" : "; in it are " + quoted_list(names)));
}

IdxFiles find(const fs::path& root, const std::vector<std::string>& splits) {
  std::map<std::string, fs::path> found;  // By prefix; packed ones come last.
  std::error_code unknown;
  if (fs::is_directory(root, unknown)) {
    for (const auto& entry : sorted_entries(root)) {
      const auto prefix = prefix_of(entry.path().filename().string());
      if (!prefix) continue;
      if (const auto file = file_at(entry.path())) {
        found.emplace(*prefix, *file);
      }
    }
  }
  for (const auto& split : splits) {
    std::vector<std::string> prefixes;
    for (const auto& [prefix, path] : found) {
      if (prefix == split) prefixes = {prefix};
      if (prefix == split) break;
      if (prefix.ends_with("-" + split)) prefixes.push_back(prefix);
    }
    if (prefixes.size() > 1) {
      refuse_folder(root, "holds more than one data set (" +
                              quoted_list(prefixes) +
                              "); give each a folder of its own");
    }
    if (prefixes.empty()) continue;
    const auto labels = labels_of(root, prefixes[0]);
    if (labels) return {found.at(prefixes[0]), *labels};
    refuse_folder(root, "holds no " + prefixes[0] +
                            "-labels-idx1-ubyte[.gz] to " +
                            found.at(prefixes[0]).filename().string());
  }
  refuse_folder(root, "holds no " + splits.front() +
                          "-images-idx3-ubyte[.gz]; is data.root the folder "
                          "of the IDX files?");
}

void check_labels(const fs::path& path, const std::vector<uint8_t>& labels,
                  int64_t num_classes) {
  const auto [low, high] = std::ranges::minmax(labels);
  if (high < num_classes) return;
  const auto record = std::ranges::find_if(
      labels, [&](uint8_t label) { return label >= num_classes; });
  const auto record_label = std::to_string(*record);
  std::string what = "record " + std::to_string(record - labels.begin()) +
                     " has label " + record_label +
                     ", but model.num_classes is " +
                     std::to_string(num_classes);
  const std::set<uint8_t> all(labels.begin(), labels.end());
  if (low == 1 && all.size() == high) {  // Not one damaged label.
    what += "; the labels begin with 1 (1 to " + std::to_string(high) +
            ", as EMNIST's letters), and here classes begin with 0: set "
            "model.num_classes to " +
            std::to_string(high + 1) + ", whose class 0 stays empty";
  }
  throw FileError(path, what);
}

}  // namespace

DatasetPtr open_idx(const fs::path& root, Split split, int64_t channels,
                    int64_t num_classes) {
  const auto files = find(root, split == Split::kTrain
                                    ? std::vector<std::string>{"train"}
                                    : std::vector<std::string>{"t10k", "test"});
  IdxArray images = read_idx(files.images, 3);
  const IdxArray labels = read_idx(files.labels, 1);
  const int64_t count = images.shape[0];
  if (count != labels.shape[0]) {
    throw FileError(files.labels, std::to_string(labels.shape[0]) +
                                      " labels for the " +
                                      std::to_string(count) + " pictures of " +
                                      files.images.string());
  }
  if (images.values.empty()) throw FileError(files.images, "holds no pictures");
  check_labels(files.labels, labels.values, num_classes);

  std::vector<std::string> classes;
  for (int64_t c = 0; c < num_classes; ++c)
    classes.push_back(std::to_string(c));
  Image all(1, 0, 0);
  all.height = count * images.shape[1];
  all.width = images.shape[2];
  all.pixels = std::move(images.values);
  all = with_channels(std::move(all), channels);
  return std::make_shared<MemoryDataset>(
      std::move(all.pixels), channels, images.shape[1], images.shape[2],
      std::vector<int64_t>(labels.values.begin(), labels.values.end()),
      std::move(classes), files.images.string());
}

}  // namespace skipzoo
