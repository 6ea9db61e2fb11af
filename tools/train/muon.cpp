#include <ATen/TensorOperators.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/addmm.h>
#include <ATen/ops/matmul.h>

#include <algorithm>
#include <cmath>

#include "tools/train/foreach.h"
#include "tools/train/update_rule.h"

namespace skipzoo {

namespace {

/// Near U V^T of a matrix U S V^T: five steps of a quintic Newton-Schulz
/// iteration, in the matrix's own type. The order of its columns is that of the
/// result's, whichever it is.
torch::Tensor orthogonalised(torch::Tensor x) {
  constexpr double kA = 3.4445, kB = -4.7750, kC = 2.0315, kFloor = 1e-7;
  constexpr int kSteps = 5;
  const bool is_tall = x.size(0) > x.size(1);
  if (is_tall) x = x.t();
  x = x / x.norm().clamp_min(kFloor);
  for (int i = 0; i < kSteps; ++i) {
    const auto gram = x.matmul(x.t());
    x = at::addmm(x, at::addmm(gram, gram, gram, kB, kC), x, kA);
  }
  return is_tall ? x.t() : x;
}

class Muon : public UpdateRule {
 public:
  explicit Muon(const OptimizerOptions& options) : options_(options) {}

  bool takes(const torch::Tensor& parameter, bool is_head) const override {
    return parameter.dim() > 1 && !is_head;
  }

  std::vector<Slot> slots() const override {
    return {{.name = "momentum_buffer"}};
  }

  void apply(const Update& update) const override {
    const auto& momenta = update.slots[0];
    at::_foreach_lerp_(momenta, update.gradients, 1 - options_.momentum);
    auto steps =
        options_.nesterov
            ? at::_foreach_lerp(update.gradients, momenta, options_.momentum)
            : momenta;
    for (auto& step : steps) {
      const auto matrix = step.flatten(1);
      step = (orthogonalised(matrix) *
              scale_of(static_cast<double>(matrix.size(0)),
                       static_cast<double>(matrix.size(1))))
                 .reshape(step.sizes());
    }
    decay(update.parameters, update.lr, update.weight_decay);
    descend(update.parameters, steps, update.lr);
  }

 private:
  double scale_of(double rows, double columns) const {
    return options_.adjust_lr_fn == AdjustLr::kOriginal
               ? std::sqrt(std::max(1.0, rows / columns))
               : 0.2 * std::sqrt(std::max(rows, columns));
  }

  OptimizerOptions options_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_muon(const OptimizerOptions& options) {
  return std::make_unique<Muon>(options);
}

}  // namespace skipzoo
