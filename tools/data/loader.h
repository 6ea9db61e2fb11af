#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <set>
#include <vector>

#include "tools/data/batch.h"
#include "tools/data/dataset.h"
#include "tools/data/options.h"
#include "tools/data/picture_views.h"
#include "tools/data/sampler.h"
#include "tools/data/training_transforms.h"

namespace skipzoo {

/// Which of the batches of an epoch are one process's: every count-th, from
/// number `index` on.
struct Shard {
  int64_t index = 0;
  int64_t count = 1;
};

/// Batches of a data set, prepared by worker threads ahead of their use.
///
/// The order, the augmentations and the size of pictures depend on (seed,
/// epoch, sample) alone: any number of workers gives the same batches, bit for
/// bit. A picture that an epoch shows again (options.repeats, or a rare class
/// under sampler: balanced) is augmented anew. Of several processes, each copy
/// is in the batch that it would be in for one.
class Loader {
 public:
  /// kTrain: shuffled and augmented. kEvaluate: in order, every picture once.
  using Mode = PictureViews::Mode;

  /// pinned: into page-locked memory, from which a GPU copies by itself.
  Loader(DatasetPtr dataset, const DataOptions& options, Mode mode,
         int64_t seed, bool pinned, const Shard& shard = {});

  /// Batches an epoch has here. In training, a last batch that is not full is
  /// left out if asked for, and a last one of a single picture always:
  /// BatchNorm has no variance to compute there. Every shard has as many; what
  /// is left over is left out. In evaluation the first ones have one more.
  int64_t batches() const;
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
  /// Of all shards together.
  int64_t all_batches() const;
  /// Nothing where the picture was skipped.
  std::optional<Image> view(const Plan& plan, const Sample& sample) const;

  struct Skipped;

  DatasetPtr dataset_;
  DataOptions options_;
  Mode mode_;
  uint64_t seed_;
  bool pinned_;
  Shard shard_;
  PictureViews views_;
  std::shared_ptr<Skipped> skipped_;
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
