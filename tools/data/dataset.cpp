#include "tools/data/dataset.h"

#include <spdlog/spdlog.h>

#include <cstring>

#include "tools/data/csv_dataset.h"
#include "tools/data/holdout.h"
#include "tools/data/layout.h"
#include "tools/data/picked.h"
#include "tools/data/random.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/memory.h"
#include "tools/sha256.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Before either split is opened: a class that is missing in one is named as
/// that, not as a wrong number of them.
void check_same_classes(const DataOptions& options) {
  const auto train = folder_of_split(options, Split::kTrain);
  const auto test = folder_of_split(options, Split::kTest);
  std::error_code unknown;
  if (!fs::is_directory(train, unknown) || !fs::is_directory(test, unknown)) {
    return;  // Opening it says what is wrong.
  }
  if (fs::equivalent(train, test, unknown)) {
    spdlog::warn(
        "data.val_split is the folder of data.train_split: what is validated "
        "is what is trained on; data.holdout holds a part of it out");
  }
  const auto name_of_train = train.filename().string();
  const auto name_of_test = test.filename().string();
  const auto which = options.class_folders;
  const auto text =
      difference(class_folders(train, which), "'" + name_of_train + "'",
                 class_folders(test, which), "'" + name_of_test + "'");
  if (text.empty()) return;
  throw FileError(options.root, "the class folders of '" + name_of_train +
                                    "' and '" + name_of_test +
                                    "' differ; the labels of one would not be "
                                    "those of the other: " +
                                    text);
}

}  // namespace

std::vector<std::string> classes_found(const DataOptions& options) {
  if (options.dataset == DatasetKind::kCsv) return classes_of_csv(options);
  if (options.dataset != DatasetKind::kImageFolder) return {};
  return class_folders(folder_of_split(options, Split::kTrain),
                       options.class_folders);
}

std::string content_of(std::span<const uint8_t> bytes) {
  return sha256({reinterpret_cast<const char*>(bytes.data()), bytes.size()});
}

std::string Dataset::content(int64_t index) const {
  return content_of(image(index).pixels);
}

MemoryDataset::MemoryDataset(std::vector<uint8_t> pixels, int64_t channels,
                             int64_t height, int64_t width,
                             std::vector<int64_t> labels,
                             std::vector<std::string> classes,
                             std::string source)
    : pixels_(std::move(pixels)),
      channels_(channels),
      height_(height),
      width_(width),
      labels_(std::move(labels)),
      classes_(std::move(classes)),
      source_(std::move(source)) {}

Image MemoryDataset::image(int64_t index) const {
  Image image(channels_, height_, width_);
  const auto bytes = image.pixels.size();
  std::memcpy(image.pixels.data(),
              pixels_.data() + static_cast<size_t>(index) * bytes, bytes);
  return image;
}

DatasetPtr open_dataset(const DataOptions& options, Split split,
                        int64_t channels, int64_t num_classes) {
  switch (options.dataset) {
    case DatasetKind::kIdx:
      return open_idx(options.root, split, channels, num_classes);
    case DatasetKind::kCifar10:
      return open_cifar(options.root, split, channels, /*cifar100=*/false);
    case DatasetKind::kCifar100:
      return open_cifar(options.root, split, channels, /*cifar100=*/true);
    case DatasetKind::kSynthetic:
      return make_synthetic(options.synthetic_images, options.image_size,
                            channels, num_classes, split);
    case DatasetKind::kImageFolder:
      return open_image_folder(folder_of_split(options, split),
                               {channels, options.exif}, num_classes,
                               options.class_folders);
    case DatasetKind::kCsv:
      return open_csv(options, split, channels, num_classes);
  }
  throw ConfigError("data.dataset: unknown kind");
}

TrainingData open_training_data(const DataOptions& options, int64_t channels,
                                int64_t num_classes, int64_t seed,
                                const HeldOut& held_out) {
  const bool is_folder = options.dataset == DatasetKind::kImageFolder;
  if (options.holdout == 0 && is_folder) check_same_classes(options);
  auto all = open_dataset(options, Split::kTrain, channels, num_classes);
  if (options.holdout == 0) {
    return {all, open_dataset(options, Split::kTest, channels, num_classes)};
  }
  const Deal deal = !held_out.list.empty() ? deal_by_list(*all, held_out.list)
                    : held_out.by_place
                        ? deal_by_place(all->size(), options.holdout, seed)
                        : deal_by_content(*all, options, seed);
  return {picked(all, deal.train), picked(all, deal.held_out)};
}

DatasetPtr make_synthetic(int64_t count, int64_t size, int64_t channels,
                          int64_t num_classes, Split split) {
  const double needed =
      static_cast<double>(count) * static_cast<double>(channels * size * size);
  if (needed > memory_of_machine()) {
    throw ConfigError("data.synthetic_images: " + std::to_string(count) +
                      " pictures of data.image_size " + std::to_string(size) +
                      " take " + bytes_text(needed) +
                      ", more than the memory here");
  }
  const auto bytes = static_cast<size_t>(channels * size * size);
  std::vector<uint8_t> pixels(static_cast<size_t>(count) * bytes);
  std::vector<int64_t> labels;
  std::vector<std::string> classes;
  for (int64_t c = 0; c < num_classes; ++c)
    classes.push_back(std::to_string(c));
  for (int64_t i = 0; i < count; ++i) {
    labels.push_back(i % num_classes);
    const auto c = static_cast<uint64_t>(labels.back());
    Random noise(split == Split::kTrain ? 1 : 2, static_cast<uint64_t>(i));
    uint8_t* out = &pixels[static_cast<size_t>(i) * bytes];
    for (size_t j = 0; j < bytes; ++j) {
      const uint64_t channel = j % static_cast<size_t>(channels);
      const uint64_t level = Random(0, c, channel).next() >> 57;
      out[j] = static_cast<uint8_t>(level + (noise.next() >> 57));
    }
  }
  return std::make_shared<MemoryDataset>(std::move(pixels), channels, size,
                                         size, std::move(labels),
                                         std::move(classes), "synthetic");
}

}  // namespace skipzoo
