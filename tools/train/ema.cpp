#include "tools/train/ema.h"

#include <ATen/core/grad_mode.h>
#include <ATen/ops/_foreach_lerp.h>
#include <ATen/ops/full.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <vector>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/train/training_state.h"
#include "tools/weights/fit.h"

namespace skipzoo {

namespace {

class Ema : public Callback {
 public:
  Ema(const EmaOptions& options, Classifier& model)
      : options_(options), model_(model) {
    for (const auto& [name, tensor] : state_dict(model)) {
      average_.emplace_back(name, tensor.detach().clone());
    }
  }

  void on_step_end() override {
    if (++steps_ % options_.every != 0) return;
    const at::NoGradGuard no_grad;
    std::vector<torch::Tensor> averages, own;
    const auto now = state_dict(model_);
    for (size_t i = 0; i < now.size(); ++i) {
      const auto& average = average_[i].second;
      const auto tensor = now[i].second.detach();
      if (!average.is_floating_point()) {
        average.copy_(tensor);
        continue;
      }
      averages.push_back(average);
      own.push_back(tensor);
    }
    const double decay = ema_decay(options_, steps_ / options_.every - 1);
    at::_foreach_lerp_(averages, own, 1 - decay);
  }

  bool averages() const override { return true; }
  void on_validation_start() override { swap(); }
  void on_validation_end() override { swap(); }

  void add_to(TrainingState& state) override {
    state.use_average({.name = "ema",
                       .save = [this] { return average_; },
                       .load =
                           [this](const NamedTensors& saved) {
                             swap();
                             copy_exactly(saved, model_);
                             swap();
                           }});
    state.add({.name = "ema_steps",
               .save =
                   [this] {
                     return NamedTensors{{"", at::full({}, steps_, at::kLong)}};
                   },
               .load =
                   [this](const NamedTensors& saved) {
                     const auto& steps = saved.front().second;
                     if (steps.scalar_type() != at::kLong ||
                         steps.numel() != 1 || steps.item<int64_t>() < 0) {
                       throw std::runtime_error("ema_steps is no count");
                     }
                     steps_ = steps.item<int64_t>();
                   }});
  }

 private:
  /// Of the network's weights with the average.
  void swap() {
    const at::NoGradGuard no_grad;
    const auto own = state_dict(model_);
    for (size_t i = 0; i < own.size(); ++i) {
      const auto kept = own[i].second.detach().clone();
      own[i].second.detach().copy_(average_[i].second);
      average_[i].second.copy_(kept);
    }
  }

  EmaOptions options_;
  Classifier& model_;
  NamedTensors average_;
  int64_t steps_ = 0;
};

}  // namespace

double ema_decay(const EmaOptions& options, int64_t update) {
  if (!options.warmup) return options.decay;
  const auto count = static_cast<double>(update);
  return std::min(options.decay, 1 - std::pow(1 + count, -2.0 / 3));
}

CallbackFactory make_ema(const EmaOptions& options) {
  return {.copies_of_weights = 1, .make = [options](Classifier& model) {
            return std::make_unique<Ema>(options, model);
          }};
}

}  // namespace skipzoo
