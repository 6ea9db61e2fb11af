#pragma once

#include <c10/core/Event.h>

#include <memory>
#include <optional>

#include "tools/data/batch.h"

namespace skipzoo {

/// A queue of copies to a device beside the one that computes there.
class CopyStream {
 public:
  virtual ~CopyStream() = default;

  /// A batch that is on its way, or there.
  struct Copy {
    Batch batch;
    std::optional<c10::Event> done;  ///< None: it was there already.
  };
  /// Begins to copy a batch, and returns at once where it lies in page-locked
  /// memory, which the allocator gives to nobody else before it is read.
  virtual Copy begin(const Batch& batch) = 0;
  /// What is computed from now on waits until it is there, and its memory
  /// stays its own until all that is computed with it is done.
  virtual void join(Copy& copy) = 0;
  /// Whether the device has computed all that it was given.
  virtual bool is_idle() const = 0;
};

/// That of a device, one for the life of the process: what it has allocated is
/// its own to use again. None for the CPU.
std::shared_ptr<CopyStream> copy_stream(torch::Device device);

}  // namespace skipzoo
