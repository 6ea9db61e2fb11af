#pragma once

#include <functional>
#include <memory>

#include "models/tensor.h"

namespace skipzoo {

/// Work on a GPU that is recorded once and then launched as a whole: a CUDA
/// graph. What it saves are the launches, one by one, of hundreds of small
/// kernels: a step of ResNet-20 at 128 images takes 2.3 ms and not 12.4.
///
/// The work reads and writes the same tensors each time, asks the device for no
/// value, and makes no tensor that outlives a call, but for what it is read by
/// (those stay where they are, and each replay writes them anew).
class CudaGraph {
 public:
  /// Whether this build has graphs, and they are for this device.
  static bool is_available(torch::Device device);

  /// Throws c10::Error where is_available() is false.
  explicit CudaGraph(torch::Device device);
  ~CudaGraph();
  CudaGraph(const CudaGraph&) = delete;
  CudaGraph& operator=(const CudaGraph&) = delete;

  /// Runs work as it is, on the stream that it will be recorded on: a few times
  /// before record(), so that libraries have chosen their algorithms and made
  /// their workspaces.
  void run(const std::function<void()>& work);
  /// Records what work launches. Runs none of it: replay() does. Where it
  /// throws, as at what cannot be recorded, nothing is recorded, and the
  /// device can go on.
  void record(const std::function<void()>& work);
  bool is_recorded() const;
  /// Whether this thread records one: another can be neither recorded nor
  /// replayed within.
  static bool is_recording();
  /// Launches what was recorded. Random numbers go on as if work ran.
  void replay();

 private:
  struct Recorded;
  std::unique_ptr<Recorded> recorded_;
};

}  // namespace skipzoo
