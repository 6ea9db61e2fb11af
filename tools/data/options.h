#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "models/fields.h"
#include "tools/data/augment_options.h"
#include "tools/data/image.h"
#include "tools/data/progressive_resizing.h"

namespace skipzoo {

/// Where the pictures come from.
enum class DatasetKind {
  kImageFolder,  ///< root/<split>/<class>/ or root/<class>/ with picture files
  kCsv,          ///< a table of paths and labels
  kCifar10,      ///< the binary version: data_batch_1.bin …, test_batch.bin
  kCifar100,     ///< the binary version: train.bin, test.bin; fine labels
  kIdx,          ///< MNIST's format, also gzip'd: train-*, t10k-* or test-*
  kSynthetic,    ///< made by formula, for trials without data
};
template <>
struct EnumNames<DatasetKind> {
  static constexpr Named<DatasetKind> values[] = {
      {DatasetKind::kImageFolder, "image_folder"},
      {DatasetKind::kCsv, "csv"},
      {DatasetKind::kCifar10, "cifar10"},
      {DatasetKind::kCifar100, "cifar100"},
      {DatasetKind::kIdx, "idx"},
      {DatasetKind::kSynthetic, "synthetic"}};
};

/// Which folders of a split are classes (image_folder).
enum class ClassFolders {
  kTop,   ///< Those in it; what lies anywhere below is of that class.
  kLeaf,  ///< Every one at any depth that holds pictures: "birds/eagle".
};
template <>
struct EnumNames<ClassFolders> {
  static constexpr Named<ClassFolders> values[] = {
      {ClassFolders::kTop, "top"}, {ClassFolders::kLeaf, "leaf"}};
};

/// How pictures are resized; both antialiased, as PIL does it.
enum class Interpolation { kBilinear, kBicubic };
template <>
struct EnumNames<Interpolation> {
  static constexpr Named<Interpolation> values[] = {
      {Interpolation::kBilinear, "bilinear"},
      {Interpolation::kBicubic, "bicubic"}};
};

template <>
struct EnumNames<Exif> {
  static constexpr Named<Exif> values[] = {{Exif::kApply, "apply"},
                                           {Exif::kIgnore, "ignore"}};
};

/// Which pictures an epoch of training shows.
enum class Sampler {
  kShuffle,   ///< Each once.
  kBalanced,  ///< As many in all, of each class equally many on average.
};
template <>
struct EnumNames<Sampler> {
  static constexpr Named<Sampler> values[] = {{Sampler::kShuffle, "shuffle"},
                                              {Sampler::kBalanced, "balanced"}};
};

/// Whether the pictures of a table have several labels each, or none.
enum class MultiLabel {
  kAuto,   ///< Where a training row names several, with '|' between them.
  kFalse,  ///< One each; '|' is a part of its name.
  kTrue,
};
template <>
struct EnumNames<MultiLabel> {
  static constexpr Named<MultiLabel> values[] = {{MultiLabel::kAuto, "auto"},
                                                 {MultiLabel::kFalse, "false"},
                                                 {MultiLabel::kTrue, "true"}};
};

/// What to do with a picture that cannot be read.
enum class OnError { kStop, kSkip };
template <>
struct EnumNames<OnError> {
  static constexpr Named<OnError> values[] = {{OnError::kStop, "stop"},
                                              {OnError::kSkip, "skip"}};
};

/// Where pictures that were read stay, so that they are not read again in each
/// epoch; what is kept is resized where no random part of it is looked at.
enum class Cache {
  kNone,
  kRam,   ///< In memory, for the run.
  kDisk,  ///< In files, for later runs too (folder_of_kept_pictures()).
};
template <>
struct EnumNames<Cache> {
  static constexpr Named<Cache> values[] = {
      {Cache::kNone, "none"}, {Cache::kRam, "ram"}, {Cache::kDisk, "disk"}};
};

/// Whether pictures live on the GPU that trains, as bytes, and batches are made
/// there (airbench's CifarLoader; Kornia's and DALI's augmentation on the
/// device), with the random numbers of the CPU: equal bit for bit.
enum class OnDevice {
  /// Where they lie in memory (cifar10, cifar100, idx, synthetic, and files by
  /// cache: ram), take at most kShareOfDevice of what is free there, and what
  /// is
  /// done to them anew in each epoch are pad_and_crop, hflip, vflip,
  /// random_erasing, mixup and cutmix.
  kAuto,
  kOff,
};
template <>
struct EnumNames<OnDevice> {
  static constexpr Named<OnDevice> values[] = {{OnDevice::kAuto, "auto"},
                                               {OnDevice::kOff, "off"}};
};
/// The rest is for the network, its gradients and activations, which come
/// later.
constexpr double kShareOfDevice = 0.25;

/// The data of a run and how pictures become tensors.
struct DataOptions {
  DatasetKind dataset = DatasetKind::kImageFolder;
  /// The folder that holds the data. Of image_folder it holds the two splits
  /// or, with a holdout, the class folders themselves.
  std::filesystem::path root;
  /// The table of dataset: csv: CSV or TSV with a line of headings, of which
  /// `path` (within root, or the table's folder where that is not given) and
  /// `label` must be there; `split` and `weight` (in the loss) may.
  std::filesystem::path csv;
  /// Of a table: "cat|outdoor" are two labels, an empty cell is none of them.
  MultiLabel multi_label = MultiLabel::kAuto;
  /// Names of the two splits: folders, or values in the table's column.
  std::string train_split = "train";
  std::string val_split = "test";
  ClassFolders class_folders = ClassFolders::kTop;
  /// Height and width that the network sees; 0 for the data's own.
  int64_t image_size = 0;
  /// The same in training alone, where pictures look larger than in evaluation
  /// (Touvron et al. 2019, arXiv:1906.06423, section 3); 0: image_size.
  int64_t train_size = 0;
  /// Or a size that changes with the epoch.
  ProgressiveResizingOptions progressive_resizing;
  /// In evaluation the shorter side is resized to image_size / crop_pct and the
  /// middle cut out. 1 where pictures have that size already.
  double crop_pct = 0.875;
  Interpolation interpolation = Interpolation::kBilinear;
  /// Of picture files: those of a data set, and those to predict.
  Exif exif = Exif::kApply;
  /// Per channel, of pixels in 0..1. Empty: 0 and 1, no change.
  std::vector<double> mean;
  std::vector<double> std;
  int64_t batch_size = 128;
  Sampler sampler = Sampler::kShuffle;
  /// Copies of each picture that an epoch shows one behind the other, each
  /// augmented by itself; as many fewer pictures, drawn anew each epoch (Hoffer
  /// et al. 2020, arXiv:1901.09335; timm's RepeatAugSampler).
  int64_t repeats = 1;
  /// Threads that prepare batches beside the one that trains.
  int64_t workers = 2;
  /// Share of the training data split off, by the run's seed, to validate on:
  /// then `best` is chosen without a look at the test split.
  double holdout = 0;
  /// Which of the 1 / holdout parts that is, from 1: of cross-validation.
  int64_t fold = 1;
  /// Leaves out a last training batch that is not full.
  bool drop_last = false;
  OnError on_error = OnError::kStop;
  /// Of picture files: the same pictures, sooner from the second epoch on.
  Cache cache = Cache::kNone;
  /// Of a run on a GPU: whether its pictures live there.
  OnDevice on_device = OnDevice::kAuto;
  /// Number of pictures a synthetic split has.
  int64_t synthetic_images = 512;
  AugmentOptions augment;

  template <typename Fields>
  void describe(Fields& field) {
    field("dataset", dataset, "format of the data");
    field("root", root, "folder of the data, relative to the config file");
    field("csv", csv, "table of paths and labels (dataset: csv)");
    field("multi_label", multi_label,
          "whether a label of the table may name several, as cat|outdoor, or "
          "none; auto: where a training row names several");
    field("train_split", train_split,
          "folder, or value of the table's column, of the training pictures");
    field("val_split", val_split, "the same of the pictures to validate on");
    field("class_folders", class_folders,
          "classes are the folders of a split, or all that hold pictures");
    field("image_size", image_size, "height and width; 0: the data's own",
          between(0, 16384));
    field("train_size", train_size,
          "height and width in training; 0: image_size", between(0, 16384));
    field("progressive_resizing", progressive_resizing,
          "training pictures that grow from epoch to epoch");
    field("crop_pct", crop_pct,
          "evaluation resizes to image_size / crop_pct, then cuts the middle",
          between(0.1, 1));
    field("interpolation", interpolation, "how pictures are resized");
    field("exif", exif,
          "picture files are turned as their EXIF orientation says, or stay as "
          "they are stored");
    field("mean", mean, "per channel, of pixels in 0..1");
    field("std", std, "per channel, of pixels in 0..1", each(above(0)));
    field("batch_size", batch_size, "pictures a step", between(1, 1 << 20));
    field("sampler", sampler,
          "each picture once an epoch, or of each class equally many");
    field("repeats", repeats,
          "copies of a picture in an epoch, of as many fewer pictures",
          between(1, 100));
    field("workers", workers, "threads that prepare batches", between(0, 256));
    field("holdout", holdout,
          "share of the training data to validate on instead of the test split",
          between(0, 0.9));
    field("fold", fold, "which of the 1 / holdout parts that is, from 1",
          between(1, 1000));
    field("drop_last", drop_last, "leave out a last batch that is not full");
    field("on_error", on_error,
          "an unreadable picture stops the run or is "
          "skipped and counted");
    field("cache", cache,
          "decoded pictures stay in memory, or on the disk for later runs");
    field("on_device", on_device,
          "pictures that lie in memory live on the GPU that trains where they "
          "fit; off: each batch is copied there");
    field("synthetic_images", synthetic_images,
          "pictures a synthetic split has", between(1, 1e7));
    field("augment", augment, "random changes to training pictures");
  }
  bool uses(std::string_view key) const;
  void validate(Problems& problems) const;

  /// Parts of a size of `holdout` that there are; at least 1.
  int64_t folds() const;

  /// Whether pictures are known to have several labels each.
  bool has_several_labels() const {
    return dataset == DatasetKind::kCsv && multi_label == MultiLabel::kTrue;
  }

  /// Height and width of training pictures in an epoch, which counts from 0; 0:
  /// the data's own.
  int64_t size_in_epoch(int64_t epoch) const;
  /// A size that a run has pictures of, and the key that asks for it.
  struct PictureSize {
    const char* key;
    int64_t size;  ///< 0: the data's own.
    bool trains;   ///< Or evaluates alone.
  };
  /// image_size, then the others: the smallest and the largest, where they
  /// change.
  std::vector<PictureSize> sizes() const;
};

}  // namespace skipzoo
