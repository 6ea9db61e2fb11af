#pragma once

#include <exception>
#include <memory>
#include <optional>

#include "tools/data/copy_stream.h"
#include "tools/data/loader.h"

namespace skipzoo {

/// The batches of an epoch on a device, each copied there while it computes
/// with the one before (NVIDIA Apex's data_prefetcher, timm's PrefetchLoader).
/// On the CPU the epoch's batches as they are.
///
/// A step's 256 pictures of 224 x 224 are 38.5 MB as bytes, which are
/// normalised on the device: at the 50 GB/s of PCIe 5 they travel 0.8 ms, 2 %
/// of a step of 38 ms even if none of it were hidden.
///
/// One ahead, of what the workers have finished: a batch that is not is waited
/// for when its turn has come, with all that can be computed before it on the
/// device by then. Destroying it early leaves the epoch as it is.
class Prefetch {
 public:
  /// What of the host must outlive this: the epoch.
  Prefetch(Loader::Epoch& epoch, torch::Device device)
      : Prefetch(epoch, copy_stream(device)) {}
  /// copies: none: no copies.
  Prefetch(Loader::Epoch& epoch, std::shared_ptr<CopyStream> copies);
  Prefetch(const Prefetch&) = delete;
  Prefetch& operator=(const Prefetch&) = delete;

  /// The next batch; nothing after the last. A worker's error is thrown at its
  /// batch's turn.
  std::optional<Batch> next();
  /// How many seconds of the last next() the device had nothing to compute: on
  /// the CPU, whose computing is done by then, all. To a millisecond, and
  /// without what is left of a copy's way when its step could begin.
  double waited() const { return waited_; }

  struct End {};
  struct Iterator {
    Prefetch* batches;
    std::optional<Batch> batch;

    Batch& operator*() { return *batch; }
    Iterator& operator++() {
      batch = batches->next();
      return *this;
    }
    bool operator!=(End) const { return batch.has_value(); }
  };
  Iterator begin() { return {this, next()}; }
  End end() { return {}; }

 private:
  /// Waits for the next batch of the epoch, and counts what the device waits.
  void wait();
  /// Begins to copy the next batch of the epoch.
  void take();

  Loader::Epoch& epoch_;
  std::shared_ptr<CopyStream> copies_;
  /// What was begun before its turn: a batch, or none after the last; or why
  /// there is none.
  bool is_taken_ = false;
  std::optional<CopyStream::Copy> taken_;
  std::exception_ptr error_;
  double waited_ = 0;
};

}  // namespace skipzoo
