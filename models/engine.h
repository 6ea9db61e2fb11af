#pragma once

#include <list>
#include <memory>
#include <vector>

#include "models/kernels/kernels.h"
#include "models/layer_time.h"
#include "models/tensor.h"

namespace skipzoo {

struct Classifier;

/// A network made ready to run forward and nothing else, in evaluation mode.
///
/// BatchNorms are folded into the convolutions before them, weights packed once
/// for the processor, and convolution, bias, addition and ReLU run as one
/// operator; a dense block writes into one buffer, whose readers activate it as
/// they read. What it does not know it runs as LibTorch would.
///
/// On the CPU. With Kernels::kReference or on another device, it is the
/// network's own forward().
class Engine {
 public:
  /// type: float32, or bfloat16 for activations and weights alike; both take
  /// and give float32. The network must outlive the engine and keep its
  /// weights: for other weights, make another engine. Puts it into evaluation
  /// mode only while it looks at it.
  Engine(Classifier& model, Kernels kernels, at::ScalarType type = at::kFloat);
  ~Engine();
  Engine(const Engine&) = delete;
  Engine& operator=(const Engine&) = delete;

  /// (N, C, H, W) normalised float images -> (N, num_classes) logits. The first
  /// images of a size take longer: a plan is made for them. Plans of the eight
  /// sizes used last are cached, and the memory of the last one's results. Not
  /// to be called by two threads at once.
  torch::Tensor operator()(const torch::Tensor& images);
  /// What each of its steps does and took in `runs` runs, in their order. None
  /// where it runs the network's own forward().
  std::vector<LayerTime> layer_times(const torch::Tensor& images, int64_t runs);

 private:
  class Plan;
  Plan& plan_for(const torch::Tensor& images);

  Classifier& model_;
  bool plans_;  ///< Whether it plans at all.
  at::ScalarType type_;
  std::list<std::unique_ptr<Plan>> plans_of_sizes_;  ///< The last used first.
};

}  // namespace skipzoo
