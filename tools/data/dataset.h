#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "tools/data/image.h"
#include "tools/data/options.h"

namespace skipzoo {

/// Labelled pictures by number. Any thread may ask at any time.
class Dataset {
 public:
  virtual ~Dataset() = default;
  virtual int64_t size() const = 0;
  /// 0 <= index < size(). Throws FileError where the picture cannot be read.
  virtual Image image(int64_t index) const = 0;
  /// In [0, classes().size()).
  virtual int64_t label(int64_t index) const = 0;
  /// Names the picture in a message: its path, or the file and record.
  virtual std::string name(int64_t index) const = 0;
  /// Name of each label.
  virtual const std::vector<std::string>& classes() const = 0;
};
using DatasetPtr = std::shared_ptr<const Dataset>;

enum class Split { kTrain, kTest };

/// Opens a split and checks it: sizes of files, labels, folders. Pictures have
/// `channels` channels. Throws FileError where the data are not as they should
/// be, or hold other than `num_classes` classes.
DatasetPtr open_dataset(const DataOptions& options, Split split,
                        int64_t channels, int64_t num_classes);

/// What a run trains and validates on: the two splits or, with a holdout, the
/// two parts of the training split.
struct TrainingData {
  DatasetPtr train;
  DatasetPtr validation;
};
TrainingData open_training_data(const DataOptions& options, int64_t channels,
                                int64_t num_classes, int64_t seed);

// The readers, one a format; the rules above hold for each.

DatasetPtr open_idx(const std::filesystem::path& root, Split split,
                    int64_t channels, int64_t num_classes);
DatasetPtr open_cifar(const std::filesystem::path& root, Split split,
                      int64_t channels, bool cifar100);
DatasetPtr open_image_folder(const std::filesystem::path& folder,
                             int64_t channels, int64_t num_classes);
/// One colour a class with noise on top: learnable, and the same everywhere.
DatasetPtr make_synthetic(int64_t count, int64_t size, int64_t channels,
                          int64_t num_classes, Split split);

/// Pictures of one size that live in memory.
class MemoryDataset : public Dataset {
 public:
  /// pixels: count x height x width x channels. source: a file to name.
  MemoryDataset(std::vector<uint8_t> pixels, int64_t channels, int64_t height,
                int64_t width, std::vector<int64_t> labels,
                std::vector<std::string> classes, std::string source);

  int64_t size() const override { return static_cast<int64_t>(labels_.size()); }
  Image image(int64_t index) const override;
  int64_t label(int64_t index) const override {
    return labels_[static_cast<size_t>(index)];
  }
  std::string name(int64_t index) const override {
    return source_ + " record " + std::to_string(index);
  }
  const std::vector<std::string>& classes() const override { return classes_; }

 private:
  std::vector<uint8_t> pixels_;
  int64_t channels_, height_, width_;
  std::vector<int64_t> labels_;
  std::vector<std::string> classes_;
  std::string source_;
};

}  // namespace skipzoo
