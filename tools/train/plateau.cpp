#include "tools/train/plateau.h"

#include <ATen/ops/zeros.h>

#include <algorithm>
#include <limits>
#include <stdexcept>

namespace skipzoo {

namespace {

/// A smaller change is none: PyTorch's eps.
constexpr double kLeastChange = 1e-8;

}  // namespace

Plateau::Plateau(const ScheduleOptions& options, EvalMetric metric, double lr)
    : options_(options),
      metric_(metric),
      lr_(lr),
      best_(std::numeric_limits<double>::infinity()) {
  if (metric != EvalMetric::kLoss) best_ = -best_;
}

bool Plateau::is_better(double value) const {
  return metric_ == EvalMetric::kLoss
             ? value < best_ * (1 - options_.threshold)
             : value > best_ * (1 + options_.threshold);
}

void Plateau::after_epoch(int64_t epoch, double value) {
  if (options_.name != ScheduleKind::kPlateau ||
      static_cast<double>(epoch) <= options_.warmup_epochs) {
    return;
  }
  if (is_better(value)) {
    best_ = value;
    bad_epochs_ = 0;
    return;
  }
  if (++bad_epochs_ <= options_.patience) return;
  bad_epochs_ = 0;
  const double lower = std::max(lr() * options_.factor, options_.min_lr);
  if (lr() - lower > kLeastChange) scale_ = lower / lr_;
}

StateSection Plateau::section() {
  return {.name = "plateau",
          .save = [this]() -> NamedTensors {
            if (options_.name != ScheduleKind::kPlateau) return {};
            const auto state = at::zeros({3}, at::kDouble);
            auto* values = state.mutable_data_ptr<double>();
            values[0] = scale_;
            values[1] = best_;
            values[2] = static_cast<double>(bad_epochs_);
            return {{"", state}};
          },
          .load =
              [this](const NamedTensors& saved) {
                if (options_.name != ScheduleKind::kPlateau) return;
                const auto& state = saved.front().second;
                if (state.numel() != 3 || state.scalar_type() != at::kDouble) {
                  throw std::runtime_error("plateau's state does not fit");
                }
                const auto values = state.contiguous();
                const auto* value = values.const_data_ptr<double>();
                scale_ = value[0];
                best_ = value[1];
                bad_epochs_ = static_cast<int64_t>(value[2]);
              },
          .is_optional = true};
}

}  // namespace skipzoo
