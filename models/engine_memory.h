#pragma once

#include <torch/types.h>

#include <cstdint>
#include <vector>

namespace skipzoo {

/// The memory of the results of an EnginePlan's steps.
///
/// A first run of a batch size allocates, and is recorded: how large results
/// are, and until when something reads them. Runs that follow find room for all
/// of them in one block (an arena), in which results that are never there
/// together share their bytes.
class EngineMemory {
 public:
  /// Before a run; batch: of its images.
  void begin_run(int64_t batch);
  /// Room for a result of this step; as Allocate.
  torch::Tensor operator()(at::IntArrayRef sizes,
                           const torch::TensorOptions& options);
  /// After a step, when results that no later one reads are let go.
  void end_step();
  /// After a run. Results that are still read somewhere, such as logits, are
  /// allocated in each run.
  void end_run();
  /// Gives the memory back; the next run is recorded.
  void release();
  /// Of the arena; 0 where no run was recorded.
  int64_t bytes() const { return arena_.defined() ? arena_.numel() : 0; }

 private:
  struct Result {
    at::DimVector sizes;
    torch::TensorOptions options;
    torch::Tensor tensor;  ///< While recording until it is read no more, then
                           ///< in the arena; null where it is not laid out.
    size_t first, last;    ///< The step that makes it, and the last to read it.
    int64_t bytes;         ///< Whole cache lines.
    int64_t begin = 0;     ///< In the arena.
  };
  bool is_recording() const { return !arena_.defined(); }
  torch::Tensor record(at::IntArrayRef sizes,
                       const torch::TensorOptions& options);

  int64_t batch_ = -1;
  size_t step_ = 0, next_ = 0;   ///< next_: of results_, where not recording.
  std::vector<Result> results_;  ///< By their first step.
  torch::Tensor arena_;          ///< Bytes.
};

}  // namespace skipzoo
