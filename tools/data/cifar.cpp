// The binary versions of CIFAR-10 and CIFAR-100 (A. Krizhevsky 2009): records of
// one label byte (CIFAR-100: coarse, then fine) and 3072 bytes, red plane first.

#include <algorithm>

#include "tools/data/dataset.h"
#include "tools/error.h"
#include "tools/file.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr size_t kPlane = 32 * 32;

/// The class names that come with the data, or numbers where they are absent.
std::vector<std::string> class_names(const fs::path& file, size_t count) {
  std::vector<std::string> names;
  if (fs::exists(file)) {
    std::string name;
    for (const uint8_t byte : read_file(file)) {
      if (byte == '\n') {
        if (!name.empty()) names.push_back(name);
        name.clear();
      } else if (byte != '\r') {
        name += static_cast<char>(byte);
      }
    }
    if (!name.empty()) names.push_back(name);
  }
  if (names.size() != count) {
    names.clear();
    for (size_t i = 0; i < count; ++i) names.push_back(std::to_string(i));
  }
  return names;
}

}  // namespace

DatasetPtr open_cifar(const fs::path& root, Split split, int64_t channels,
                      bool cifar100) {
  const bool train = split == Split::kTrain;
  std::vector<std::string> files;
  if (cifar100) {
    files = {train ? "train.bin" : "test.bin"};
  } else if (train) {
    for (int i = 1; i <= 5; ++i) {
      files.push_back("data_batch_" + std::to_string(i) + ".bin");
    }
  } else {
    files = {"test_batch.bin"};
  }
  const size_t records = cifar100 && train ? 50'000 : 10'000;
  const size_t labels_each = cifar100 ? 2 : 1;
  const size_t record = labels_each + 3 * kPlane;
  const size_t classes = cifar100 ? 100 : 10;

  const size_t pixels_each = 3 * kPlane;
  Image all(3, static_cast<int64_t>(files.size() * records) * 32, 32);
  std::vector<int64_t> labels;
  for (const auto& file : files) {
    const fs::path path = root / file;
    if (!fs::exists(path)) {
      throw FileError(path, "not found; data.root must be the folder of the "
                            "binary version of the data");
    }
    const auto bytes = read_file(path);
    if (bytes.size() != records * record) {
      throw FileError(path, std::to_string(bytes.size()) + " bytes, expected " +
                                std::to_string(records * record) + " (" +
                                std::to_string(records) + " records of " +
                                std::to_string(record) +
                                "); was the download cut short?");
    }
    for (size_t i = 0; i < records; ++i) {
      const uint8_t* in = &bytes[i * record];
      const uint8_t label = in[labels_each - 1];
      if (label >= classes) {
        throw FileError(path, "record " + std::to_string(i) + " has label " +
                                  std::to_string(label) + ", expected 0 to " +
                                  std::to_string(classes - 1));
      }
      uint8_t* out = &all.pixels[labels.size() * pixels_each];
      labels.push_back(label);
      in += labels_each;
      for (size_t p = 0; p < kPlane; ++p) {
        for (size_t c = 0; c < 3; ++c) out[3 * p + c] = in[c * kPlane + p];
      }
    }
  }
  all = with_channels(std::move(all), channels);
  return std::make_shared<MemoryDataset>(
      std::move(all.pixels), channels, 32, 32, std::move(labels),
      class_names(root / (cifar100 ? "fine_label_names.txt"
                                   : "batches.meta.txt"),
                  classes),
      (root / files.front()).string());
}

}  // namespace skipzoo
