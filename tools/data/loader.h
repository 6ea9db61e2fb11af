#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "tools/data/batch.h"
#include "tools/data/dataset.h"
#include "tools/data/options.h"
#include "tools/data/picture_views.h"
#include "tools/data/sampler.h"
#include "tools/data/training_transforms.h"

namespace skipzoo {

class DevicePictures;
struct FileError;

/// Which pictures of an epoch are one process's. In training, `count` processes
/// have the pictures that one has whose batches are so many times as large: of
/// each such batch, a part in their order, as large as the others' but for one
/// picture at its end. In evaluation every count-th batch, from number `index`
/// on.
struct Shard {
  int64_t index = 0;
  int64_t count = 1;
  /// Whether a process may have one picture of a last batch, or none: where
  /// BatchNorms see the pictures of all.
  bool may_have_few = false;
};

/// Batches of a data set, prepared by worker threads ahead of their use.
///
/// The order, the augmentations and the size of pictures depend on (seed,
/// epoch, sample) alone: any number of workers gives the same batches, bit for
/// bit. A picture that an epoch shows again (options.repeats, or a rare class
/// under sampler: balanced) is augmented anew.
class Loader {
 public:
  /// kTrain: shuffled and augmented. kEvaluate: in order, every picture once.
  using Mode = PictureViews::Mode;

  /// pinned: into page-locked memory, from which a GPU copies by itself.
  Loader(DatasetPtr dataset, const DataOptions& options, Mode mode,
         int64_t seed, bool pinned, const Shard& shard = {});

  /// Batches an epoch has here. In training, a last batch that is not full is
  /// left out if asked for, and a last one of a single picture always:
  /// BatchNorm has no variance to compute there; of several shards one that has
  /// not two for each. Every shard has as many batches; in evaluation the first
  /// ones have one more.
  int64_t batches() const;
  /// Whether what cannot be read is left out of a batch.
  bool may_skip() const { return options_.on_error == OnError::kSkip; }
  /// As batches(), of an epoch that another run began: begin_at().
  int64_t batches_in(int64_t epoch) const;
  /// In training, of all shards together, but for the last batch.
  int64_t pictures_of_batch() const;
  /// Of training: how many pictures of the epoch's order come before a batch,
  /// of all shards.
  int64_t pictures_before(int64_t epoch, int64_t batch) const;
  /// How many pictures all shards have in it, those that cannot be read
  /// included.
  int64_t pictures_of_all(int64_t epoch, int64_t batch) const;
  /// An epoch of whose order so many pictures have been trained on, in batches
  /// of another size: the others are in batches from the returned number on.
  int64_t begin_at(int64_t epoch, int64_t pictures);
  const Dataset& dataset() const { return *dataset_; }
  /// A picture of it as a network sees it in evaluation. Throws as
  /// Dataset::image() does, whatever data.on_error says.
  Image evaluation_image(int64_t index) const;
  /// Pictures that could not be read so far and were skipped.
  int64_t skipped() const;

  /// Height and width of training pictures in an epoch; 0: the data's own.
  int64_t size_in_epoch(int64_t number) const {
    return options_.size_in_epoch(number);
  }

  /// Keeps the pictures in that device's memory and makes batches there from
  /// now on, without workers: the same ones, bit for bit. Where it cannot, as
  /// what is done to them is done by the CPU or they take more than `most`
  /// bytes, returns why, in words; else nothing. Throws FileError where one
  /// cannot be read.
  std::string keep_on(torch::Device device, double most);
  bool is_on_device() const { return on_device_ != nullptr; }

  class Epoch;
  /// The batches of epoch `number`, from batch `first` on. One at a time.
  Epoch epoch(int64_t number, int64_t first = 0);

 private:
  friend class Epoch;
  /// What the batches of an epoch are made by.
  struct Plan {
    int64_t epoch;
    std::vector<Sample> order;
    std::vector<TrainingTransform> transforms;
  };
  Plan make_plan(int64_t epoch) const;
  Batch make_batch(const Plan& plan, int64_t batch) const;
  Batch batch_on_device(const Plan& plan, int64_t batch) const;
  /// What the transforms of a sample draw from.
  Random random_of(const Plan& plan, const Sample& sample) const;
  /// The places in the epoch's order that a batch is of: from, to before.
  std::pair<int64_t, int64_t> range_of(int64_t epoch, int64_t batch) const;
  /// How many batches so many pictures make.
  int64_t batches_of(int64_t pictures) const;
  /// Nothing where the picture was skipped.
  std::optional<Image> view(const Plan& plan, const Sample& sample) const;

  struct Skipped;
  /// With how to go on without such a picture.
  static FileError with_way_out(const FileError& error);

  DatasetPtr dataset_;
  DataOptions options_;
  Mode mode_;
  uint64_t seed_;
  bool pinned_;
  Shard shard_;
  PictureViews views_;
  /// Where another run left an epoch.
  struct Begun {
    int64_t epoch = -1;
    int64_t batch = 0;
    int64_t pictures = 0;
  };
  Begun begun_;
  std::shared_ptr<Skipped> skipped_;
  std::shared_ptr<const DevicePictures> on_device_;  ///< Null: the host's.
};

/// An input range: `for (Batch& batch : loader.epoch(3))`. Destroying it early
/// stops the workers. A worker's exception is thrown at its batch's turn.
class Loader::Epoch {
 public:
  Epoch(const Loader& loader, int64_t epoch, int64_t first);
  ~Epoch();
  Epoch(const Epoch&) = delete;
  Epoch& operator=(const Epoch&) = delete;

  /// The next batch; nothing after the last.
  std::optional<Batch> next();
  /// Whether workers make the batches, and not next() itself.
  bool has_workers() const;
  /// Waits for them, at most so long; returns whether next() need not wait.
  bool wait(double seconds);

  struct End {};
  struct Iterator {
    Epoch* epoch;
    std::optional<Batch> batch;

    Batch& operator*() { return *batch; }
    Iterator& operator++() {
      batch = epoch->next();
      return *this;
    }
    bool operator!=(End) const { return batch.has_value(); }
  };
  Iterator begin() { return {this, next()}; }
  End end() { return {}; }

 private:
  struct Shared;
  std::unique_ptr<Shared> shared_;
};

}  // namespace skipzoo
