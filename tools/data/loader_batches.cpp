// Which pictures of an epoch each batch of each process has.

#include <algorithm>

#include "tools/data/loader.h"

namespace skipzoo {

int64_t Loader::pictures_of_batch() const {
  return options_.batch_size * (mode_ == Mode::kTrain ? shard_.count : 1);
}

int64_t Loader::batches_of(int64_t pictures) const {
  const int64_t full = pictures / pictures_of_batch();
  const int64_t rest = pictures % pictures_of_batch();
  if (mode_ == Mode::kTrain) {
    const int64_t least = shard_.may_have_few ? 2 : 2 * shard_.count;
    return full + (rest >= least && !options_.drop_last ? 1 : 0);
  }
  const int64_t all = full + (rest > 0 ? 1 : 0);
  return (all + shard_.count - 1 - shard_.index) / shard_.count;
}

int64_t Loader::batches() const { return batches_of(dataset_->size()); }

int64_t Loader::batches_in(int64_t epoch) const {
  if (epoch != begun_.epoch) return batches();
  return begun_.batch + batches_of(dataset_->size() - begun_.pictures);
}

int64_t Loader::pictures_before(int64_t epoch, int64_t batch) const {
  if (epoch != begun_.epoch) return batch * pictures_of_batch();
  return begun_.pictures + (batch - begun_.batch) * pictures_of_batch();
}

int64_t Loader::pictures_of_all(int64_t epoch, int64_t batch) const {
  return std::min(pictures_of_batch(),
                  dataset_->size() - pictures_before(epoch, batch));
}

int64_t Loader::begin_at(int64_t epoch, int64_t pictures) {
  // As far into the epoch as batches of this size would be.
  begun_ = {.epoch = epoch,
            .batch = pictures / pictures_of_batch(),
            .pictures = pictures};
  return begun_.batch;
}

std::pair<int64_t, int64_t> Loader::range_of(int64_t epoch,
                                             int64_t batch) const {
  if (mode_ == Mode::kEvaluate) {
    const int64_t number = batch * shard_.count + shard_.index;
    const int64_t first = number * options_.batch_size;
    return {first, std::min(first + options_.batch_size, dataset_->size())};
  }
  const int64_t first = pictures_before(epoch, batch);
  const int64_t all = pictures_of_all(epoch, batch);
  return {first + all * shard_.index / shard_.count,
          first + all * (shard_.index + 1) / shard_.count};
}

}  // namespace skipzoo
