#include "tools/train/callbacks.h"

#include <algorithm>

#include "tools/train/ema.h"

namespace skipzoo {

std::vector<CallbackFactory> callback_factories(const TrainOptions& options) {
  std::vector<CallbackFactory> all;
  if (options.ema.decay > 0) all.push_back(make_ema(options.ema));
  return all;
}

int64_t copies_in_callbacks(const TrainOptions& options) {
  int64_t copies = 0;
  for (const auto& plan : callback_factories(options)) {
    copies += plan.copies_of_weights;
  }
  return copies;
}

Callbacks::Callbacks(const TrainOptions& options,
                     const std::vector<CallbackFactory>& others,
                     Classifier& model) {
  for (const auto& plans : {callback_factories(options), others}) {
    for (const auto& plan : plans) all_.push_back(plan.make(model));
  }
}

void Callbacks::add_to(TrainingState& state) {
  for (const auto& callback : all_) callback->add_to(state);
}

void Callbacks::on_step_end() {
  for (const auto& callback : all_) callback->on_step_end();
}

bool Callbacks::averages() const {
  return std::ranges::any_of(
      all_, [](const auto& callback) { return callback->averages(); });
}

Callbacks::Validation::Validation(Callbacks& callbacks)
    : callbacks_(callbacks) {
  for (const auto& callback : callbacks_.all_) callback->on_validation_start();
}

// In reverse, so that each finds the weights as it left them.
Callbacks::Validation::~Validation() {
  const auto& all = callbacks_.all_;
  std::for_each(all.rbegin(), all.rend(),
                [](const auto& callback) { callback->on_validation_end(); });
}

}  // namespace skipzoo
