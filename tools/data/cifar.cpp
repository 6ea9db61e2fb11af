// The binary versions of CIFAR-10 and CIFAR-100 (A. Krizhevsky 2009): records
// of one label byte (CIFAR-100: coarse, then fine) and 3072 bytes, red plane
// first.

#include <algorithm>

#include "tools/data/data_file.h"
#include "tools/data/dataset.h"
#include "tools/data/text.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr size_t kPlane = 32 * 32;

/// The class names that come with the data, or numbers where they are absent.
std::vector<std::string> class_names(const fs::path& file, size_t count) {
  std::vector<std::string> names;
  std::error_code unknown;
  if (fs::exists(file, unknown)) {
    constexpr int64_t kMost = 1 << 20;
    std::string name;
    for (const uint8_t byte : read_data_file(file, kMost)) {
      if (byte == '\n') {
        if (!name.empty()) names.push_back(as_utf8(name));
        name.clear();
      } else if (byte != '\r') {
        name += static_cast<char>(byte);
      }
    }
    if (!name.empty()) names.push_back(as_utf8(name));
  }
  if (names.size() != count) {
    names.clear();
    for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  }
  return names;
}

/// One kind of record.
struct Format {
  size_t labels;  ///< Label bytes in front; the last one counts.
  size_t classes;
  size_t size() const { return labels + 3 * kPlane; }
};

/// Appends the records of a file, planes turned into pixels.
void read_records(const fs::path& path, size_t records, const Format& format,
                  std::vector<uint8_t>& pixels, std::vector<int64_t>& labels) {
  std::error_code unknown;
  if (!fs::exists(path, unknown)) {
    throw FileError(path,
                    "not found; data.root must be the folder of the binary "
                    "version of the data");
  }
  DataFile file(path);
  std::vector<uint8_t> bytes(records * format.size());
  if (file.size() != static_cast<int64_t>(bytes.size()) ||
      file.read(bytes) != bytes.size()) {
    throw FileError(path, std::to_string(file.size()) + " bytes, expected " +
                              std::to_string(records * format.size()) + " (" +
                              std::to_string(records) + " records of " +
                              std::to_string(format.size()) +
                              "); was the download cut short?");
  }
  for (size_t i = 0; i < records; ++i) {
    const uint8_t* in = &bytes[i * format.size()];
    const uint8_t label = in[format.labels - 1];
    if (label >= format.classes) {
      throw FileError(path, "record " + std::to_string(i) + " has label " +
                                std::to_string(label) + ", expected 0 to " +
                                std::to_string(format.classes - 1));
    }
    labels.push_back(label);
    in += format.labels;
    for (size_t p = 0; p < kPlane; ++p) {
      for (size_t c = 0; c < 3; ++c) pixels.push_back(in[c * kPlane + p]);
    }
  }
}

std::vector<std::string> file_names(bool train, bool cifar100) {
  if (cifar100) return {train ? "train.bin" : "test.bin"};
  if (!train) return {"test_batch.bin"};
  std::vector<std::string> names;
  for (int i = 1; i <= 5; ++i) {
    names.push_back("data_batch_" + std::to_string(i) + ".bin");
  }
  return names;
}

}  // namespace

DatasetPtr open_cifar(const fs::path& root, Split split, int64_t channels,
                      bool cifar100) {
  const bool train = split == Split::kTrain;
  const Format format = {.labels = cifar100 ? size_t{2} : size_t{1},
                         .classes = cifar100 ? size_t{100} : size_t{10}};
  const auto files = file_names(train, cifar100);
  Image all;
  std::vector<int64_t> labels;
  for (const auto& file : files) {
    read_records(root / file, cifar100 && train ? 50'000 : 10'000, format,
                 all.pixels, labels);
  }
  all.channels = 3;
  all.height = static_cast<int64_t>(labels.size()) * 32;
  all.width = 32;
  all = with_channels(std::move(all), channels);
  const auto names = cifar100 ? "fine_label_names.txt" : "batches.meta.txt";
  return std::make_shared<MemoryDataset>(
      std::move(all.pixels), channels, 32, 32, std::move(labels),
      class_names(root / names, format.classes),
      (root / files.front()).string());
}

}  // namespace skipzoo
