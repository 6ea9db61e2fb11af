#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "models/kernels/algorithms/shared_statistics.h"
#include "models/tensor.h"

namespace skipzoo {

/// What the reduction of one step's gradients took of this process, seconds.
struct ReductionTimes {
  double all = 0;      ///< From its first bucket's start to its last one's end.
  double exposed = 0;  ///< Of these, behind the end of the backward pass.
};

/// Averages the gradients of all processes while a backward pass computes
/// them. Each backward pass that is announced gives a gradient to each of its
/// parameters, in every process.
class GradientReduction {
 public:
  virtual ~GradientReduction() = default;
  virtual void before_forward() = 0;
  /// output: where the pass begins. Behind it, grad() is the mean.
  virtual void before_backward(const torch::Tensor& output) = 0;
  /// Of the last step; none: not known.
  virtual std::optional<ReductionTimes> times() { return std::nullopt; }
};

/// The processes that train one network together, and what they tell each
/// other. Each call is made by all of them, in the same order.
class Collective {
 public:
  virtual ~Collective() = default;
  virtual int64_t rank() const = 0;  ///< In [0, size()); 0 writes the run.
  virtual int64_t size() const = 0;
  /// In place, over all of them.
  virtual void sum(torch::Tensor& tensor) = 0;
  /// In place, that of rank 0.
  virtual void broadcast(torch::Tensor& tensor) = 0;
  /// Whether it is true for one of them.
  virtual bool any(bool mine) = 0;
  /// Of parameters that are the same ones, in the same order, everywhere; null:
  /// there is none, and gradients are summed when all are there.
  virtual std::unique_ptr<GradientReduction> reduction(
      std::vector<torch::Tensor> /*parameters*/) {
    return nullptr;
  }
};

/// Its sum(), for BatchNorms over the pictures of all processes; null of one.
/// device: where it sums.
StatisticsSumPtr statistics_sum(std::shared_ptr<Collective> collective,
                                torch::Device device);

/// That of rank 0.
std::string broadcast_text(Collective& collective, const std::string& text);

/// One process, which has nobody to tell.
std::shared_ptr<Collective> single_process();

}  // namespace skipzoo
