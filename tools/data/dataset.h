#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
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
  /// Whether the pictures lie in memory, ready to be used, and are of one size.
  virtual bool is_in_memory() const { return false; }
  /// The part of image(index) that `choose` asks for. Throws as that does.
  virtual Image part(int64_t index, const ChooseWindow& choose) const {
    return part_of(image(index), choose);
  }
  /// In [0, classes().size()). Of several labels the first, and of none 0.
  virtual int64_t label(int64_t index) const = 0;
  /// Whether pictures have several labels each, or none: labels().
  virtual bool is_multi_label() const { return false; }
  /// All of a picture's labels, each once, rising.
  virtual std::vector<int64_t> labels(int64_t index) const {
    return {label(index)};
  }
  /// Names the picture in a message: its path, or the file and record.
  virtual std::string name(int64_t index) const = 0;
  /// Its name within the data set, wherever that lies: its path in the folder
  /// of the split, or the number of its record.
  virtual std::string key(int64_t index) const { return std::to_string(index); }
  /// The file that holds this picture alone; empty where there is none.
  virtual std::filesystem::path file(int64_t) const { return {}; }
  /// content_of() its file or record: equal for copies alone. Throws FileError.
  virtual std::string content(int64_t index) const;
  /// Name of each label.
  virtual const std::vector<std::string>& classes() const = 0;
  /// Whether pictures count differently in the loss, each by its weight().
  virtual bool is_weighted() const { return false; }
  virtual double weight(int64_t) const { return 1; }
};
using DatasetPtr = std::shared_ptr<const Dataset>;

/// The names of the labels that class folders or a table give, in the order of
/// the labels; none for a data set of another kind. Reads no picture. Throws
/// FileError.
std::vector<std::string> classes_found(const DataOptions& options);

/// SHA-256 of bytes, in hexadecimal.
std::string content_of(std::span<const uint8_t> bytes);

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
/// Where a run's held-out pictures are known from.
struct HeldOut {
  /// A list of their key()s, one a line; empty: drawn anew.
  std::filesystem::path list;
  /// Drawn by their places, as runs were that keep no list; else by content.
  bool by_place = false;
};
TrainingData open_training_data(const DataOptions& options, int64_t channels,
                                int64_t num_classes, int64_t seed,
                                const HeldOut& held_out = {});

// The readers, one a format; the rules above hold for each.

DatasetPtr open_idx(const std::filesystem::path& root, Split split,
                    int64_t channels, int64_t num_classes);
DatasetPtr open_cifar(const std::filesystem::path& root, Split split,
                      int64_t channels, bool cifar100);
DatasetPtr open_image_folder(const std::filesystem::path& folder,
                             const ReadImage& how, int64_t num_classes,
                             ClassFolders which = ClassFolders::kTop);
/// The names of the class folders in a split's folder, sorted.
std::vector<std::string> class_folders(const std::filesystem::path& folder,
                                       ClassFolders which = ClassFolders::kTop);
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
  bool is_in_memory() const override { return true; }
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
