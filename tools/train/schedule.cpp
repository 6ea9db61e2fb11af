#include "tools/train/schedule.h"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace skipzoo {

namespace {

double warmup_rate(const ScheduleOptions& options, double lr, double progress,
                   double step) {
  const double start = options.warmup_lr;
  if (options.warmup == Warmup::kFromStart) {
    return start + (lr - start) * progress / options.warmup_epochs;
  }
  // A warm-up that ends within a step ends with it.
  const double done = std::min((progress + step) / options.warmup_epochs, 1.0);
  return start + (lr - start) * done;
}

}  // namespace

double learning_rate(const ScheduleOptions& options, double lr, double progress,
                     double step, int64_t epochs) {
  if (progress < options.warmup_epochs) {
    return warmup_rate(options, lr, progress, step);
  }
  switch (options.name) {
    case ScheduleKind::kConstant:
      return lr;
    case ScheduleKind::kStep: {
      const double steps =
          std::floor(progress / static_cast<double>(options.step_epochs));
      return lr * std::pow(options.gamma, steps);
    }
    case ScheduleKind::kMultistep: {
      const auto passed = std::count_if(
          options.milestones.begin(), options.milestones.end(),
          [&](int64_t m) { return progress >= static_cast<double>(m); });
      return lr * std::pow(options.gamma, passed);
    }
    case ScheduleKind::kCosine: {
      const double length = static_cast<double>(epochs) - options.warmup_epochs;
      if (length <= 0) return lr;  // All of it was warm-up.
      const double done =
          std::clamp((progress - options.warmup_epochs) / length, 0.0, 1.0);
      return options.min_lr + (lr - options.min_lr) *
                                  (1 + std::cos(std::numbers::pi * done)) / 2;
    }
  }
  return lr;
}

}  // namespace skipzoo
