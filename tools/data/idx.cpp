// MNIST's format: big-endian magic 0x00000800 + number of dimensions, a 32-bit
// size each, then bytes (Y. LeCun, "The MNIST database").

#include <zlib.h>

#include <algorithm>
#include <cstdio>
#include <numeric>

#include "tools/data/dataset.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

struct IdxArray {
  std::vector<int64_t> shape;
  std::vector<uint8_t> values;
};

/// The whole file, unpacked where it is gzip'd; zlib reads both.
std::vector<uint8_t> read_unpacked(const fs::path& path) {
  gzFile file = gzopen(path.c_str(), "rb");
  if (file == nullptr) throw FileError(path, "cannot be opened");
  std::vector<uint8_t> bytes;
  size_t used = 0;
  int count = 0;
  do {
    bytes.resize(std::max<size_t>(1 << 16, 2 * used));
    const auto room = std::min<size_t>(bytes.size() - used, 1 << 30);
    count = gzread(file, &bytes[used], static_cast<unsigned>(room));
    used += static_cast<size_t>(std::max(count, 0));
  } while (count > 0);
  int status = Z_OK;
  gzerror(file, &status);
  gzclose_r(file);
  if (status != Z_OK && status != Z_STREAM_END) {
    throw FileError(path,
                    "the gzip data end too early or are damaged; was the "
                    "download cut short?");
  }
  bytes.resize(used);
  return bytes;
}

/// Of a product of sizes, which may exceed 64 bits.
std::string whole_number(double value) {
  char text[64];
  std::snprintf(text, sizeof(text), "%.0f", value);
  return text;
}

IdxArray read_idx(const fs::path& path, size_t dimensions) {
  auto bytes = read_unpacked(path);
  const auto number = [&](size_t at) {
    return int64_t{bytes[at]} << 24 | int64_t{bytes[at + 1]} << 16 |
           int64_t{bytes[at + 2]} << 8 | int64_t{bytes[at + 3]};
  };
  const size_t header = 4 + 4 * dimensions;
  if (bytes.size() < header ||
      number(0) != 0x800 + static_cast<int64_t>(dimensions)) {
    throw FileError(path, "not an IDX file of bytes in " +
                              std::to_string(dimensions) + " dimensions");
  }
  IdxArray array;
  // In double: sizes of a damaged header may not fit 64 bits.
  double expected = 1;
  for (size_t i = 0; i < dimensions; ++i) {
    array.shape.push_back(number(4 + 4 * i));
    expected *= static_cast<double>(array.shape.back());
  }
  if (static_cast<double>(bytes.size() - header) != expected) {
    throw FileError(path, std::to_string(bytes.size() - header) +
                              " bytes of data, expected " +
                              whole_number(expected) +
                              "; was the download cut short?");
  }
  bytes.erase(bytes.begin(), bytes.begin() + static_cast<int64_t>(header));
  array.values = std::move(bytes);
  return array;
}

/// The file of that kind under any of the names in use.
fs::path find(const fs::path& root, const std::vector<std::string>& prefixes,
              const std::string& rest) {
  for (const auto& prefix : prefixes) {
    for (const char* packed : {"", ".gz"}) {
      const fs::path path = root / (prefix + rest + packed);
      if (fs::exists(path)) return path;
    }
  }
  throw FileError(root, "holds no " + prefixes.front() + rest +
                            "[.gz]; is data.root the folder of the IDX files?");
}

}  // namespace

DatasetPtr open_idx(const fs::path& root, Split split, int64_t channels,
                    int64_t num_classes) {
  const std::vector<std::string> prefixes =
      split == Split::kTrain ? std::vector<std::string>{"train"}
                             : std::vector<std::string>{"t10k", "test"};
  const fs::path image_path = find(root, prefixes, "-images-idx3-ubyte");
  const fs::path label_path = find(root, prefixes, "-labels-idx1-ubyte");
  const IdxArray images = read_idx(image_path, 3);
  const IdxArray labels = read_idx(label_path, 1);
  const int64_t count = images.shape[0];
  if (count != labels.shape[0]) {
    throw FileError(label_path, std::to_string(labels.shape[0]) +
                                    " labels for the " + std::to_string(count) +
                                    " pictures of " + image_path.string());
  }
  if (images.values.empty()) throw FileError(image_path, "holds no pictures");
  for (size_t i = 0; i < labels.values.size(); ++i) {
    if (labels.values[i] >= num_classes) {
      throw FileError(label_path, "record " + std::to_string(i) +
                                      " has label " +
                                      std::to_string(labels.values[i]) +
                                      ", but model.num_classes is " +
                                      std::to_string(num_classes));
    }
  }

  std::vector<std::string> classes;
  for (int64_t c = 0; c < num_classes; ++c)
    classes.push_back(std::to_string(c));
  Image all(1, count * images.shape[1], images.shape[2]);
  all.pixels = images.values;
  all = with_channels(std::move(all), channels);
  return std::make_shared<MemoryDataset>(
      std::move(all.pixels), channels, images.shape[1], images.shape[2],
      std::vector<int64_t>(labels.values.begin(), labels.values.end()),
      std::move(classes), image_path.string());
}

}  // namespace skipzoo
