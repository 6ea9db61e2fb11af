#include "tools/data/dataset.h"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "tools/data/random.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// Some pictures of another data set.
class Subset : public Dataset {
 public:
  Subset(DatasetPtr all, std::vector<int64_t> chosen)
      : all_(std::move(all)), chosen_(std::move(chosen)) {}

  int64_t size() const override { return static_cast<int64_t>(chosen_.size()); }
  Image image(int64_t index) const override { return all_->image(at(index)); }
  int64_t label(int64_t index) const override { return all_->label(at(index)); }
  std::string name(int64_t index) const override {
    return all_->name(at(index));
  }
  const std::vector<std::string>& classes() const override {
    return all_->classes();
  }

 private:
  int64_t at(int64_t index) const {
    return chosen_[static_cast<size_t>(index)];
  }

  DatasetPtr all_;
  std::vector<int64_t> chosen_;
};

void check_same_classes(const Dataset& train, const Dataset& test,
                        const DataOptions& options) {
  if (train.classes() == test.classes()) return;
  throw FileError(options.root, "the class folders of '" + options.train_split +
                                    "' and '" + options.val_split +
                                    "' differ; the labels of one would "
                                    "not be those of the other");
}

}  // namespace

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
  const bool train = split == Split::kTrain;
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
      return open_image_folder(
          options.root / (train ? options.train_split : options.val_split),
          channels, num_classes);
  }
  throw ConfigError("data.dataset: unknown kind");
}

TrainingData open_training_data(const DataOptions& options, int64_t channels,
                                int64_t num_classes, int64_t seed) {
  auto all = open_dataset(options, Split::kTrain, channels, num_classes);
  if (options.holdout == 0) {
    auto test = open_dataset(options, Split::kTest, channels, num_classes);
    check_same_classes(*all, *test, options);
    return {std::move(all), std::move(test)};
  }
  const int64_t count = all->size();
  const auto held = static_cast<int64_t>(
      std::llround(options.holdout * static_cast<double>(count)));
  if (held < 1 || held >= count) {
    throw ConfigError("data.holdout: " + std::to_string(options.holdout) +
                      " of " + std::to_string(count) +
                      " pictures leaves one part empty");
  }
  auto order = Random(static_cast<uint64_t>(seed)).permutation(count);
  const auto middle = order.begin() + held;
  // In their old order: what is read from a disk is read in sequence.
  std::sort(order.begin(), middle);
  std::sort(middle, order.end());
  return {
      std::make_shared<Subset>(all, std::vector<int64_t>(middle, order.end())),
      std::make_shared<Subset>(all,
                               std::vector<int64_t>(order.begin(), middle))};
}

DatasetPtr make_synthetic(int64_t count, int64_t size, int64_t channels,
                          int64_t num_classes, Split split) {
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
