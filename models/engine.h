#pragma once

#include <list>
#include <memory>
#include <vector>

#include "models/kernels/kernels.h"
#include "models/layer_time.h"
#include "models/tensor.h"

namespace skipzoo {

struct Classifier;
class GpuEngine;

/// A network made ready to run forward and nothing else, in evaluation mode.
///
/// BatchNorms are folded into the convolutions before them, weights packed once
/// for the processor, and convolution, bias, addition and ReLU run as one
/// operator; a dense block writes into one buffer, whose readers activate it as
/// they read. What it does not know it runs as LibTorch would.
///
/// On a GPU cuDNN's convolutions take bias, addition and ReLU along, and each
/// batch size is recorded as a CUDA graph, which is launched as a whole from
/// its third batch on. With Kernels::kReference, or parameters of another type
/// than float32, it is the network's own forward().
class Engine {
 public:
  /// type: float32, or bfloat16 for activations and weights alike, and on a GPU
  /// float16; all take and give float32. The network must outlive the engine
  /// and keep its weights and device: for others, make another engine. Puts it
  /// into evaluation mode only while it looks at it. Throws c10::Error for
  /// float16 on the CPU.
  Engine(Classifier& model, Kernels kernels, at::ScalarType type = at::kFloat);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// (N, C, H, W) normalised float images -> (N, num_classes) logits. The first
  /// images of a size take longer: a plan is made for them. Plans of the eight
  /// sizes used last are cached, and the memory of the last one's results; on a
  /// GPU the graphs of eight (N, C, H, W), with the memory they run in. Not to
  /// be called by two threads at once.
  torch::Tensor operator()(const torch::Tensor& images);
  /// What each of its steps does and took in `runs` runs, in their order. None
  /// on a GPU, or where it runs the network's own forward().
  std::vector<LayerTime> layer_times(const torch::Tensor& images, int64_t runs);

 private:
  class Plan;
  Plan& plan_for(const torch::Tensor& images);

  Classifier& model_;
  bool plans_;  ///< Whether it plans at all, on the CPU.
  at::ScalarType type_;
  std::list<std::unique_ptr<Plan>> plans_of_sizes_;  ///< The last used first.
  std::unique_ptr<GpuEngine> gpu_;  ///< Null where the network is on none.
};

}  // namespace skipzoo
