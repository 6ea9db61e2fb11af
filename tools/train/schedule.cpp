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

/// Half a cosine from one to the other, `done` of the way.
double cosine_between(double from, double to, double done) {
  return to + (from - to) * (1 + std::cos(std::numbers::pi * done)) / 2;
}

/// As torch.optim.lr_scheduler.OneCycleLR: the last step of each part has its
/// end.
double onecycle_rate(const ScheduleOptions& options, double lr, double progress,
                     double step, double epochs) {
  const double first = lr / options.div_factor;
  const double top = std::max(options.pct_start * epochs - step, 0.0);
  const double end = epochs - step;
  if (progress < top) return cosine_between(first, lr, progress / top);
  if (end <= top) return lr;
  return cosine_between(lr, first / options.final_div_factor,
                        std::min((progress - top) / (end - top), 1.0));
}

/// What is left of the rate of wsd, from 1 to 0.
double decay_left(DecayType type, double done) {
  switch (type) {
    case DecayType::kLinear:
      return 1 - done;
    case DecayType::kCosine:
      return cosine_between(1, 0, done);
    case DecayType::kOneMinusSqrt:
      return 1 - std::sqrt(done);
  }
  return 1;
}

/// Where in the stretch from `begin` to `end` progress is, 0 to 1.
double share_done(double progress, double begin, double end) {
  return end > begin ? std::clamp((progress - begin) / (end - begin), 0.0, 1.0)
                     : 0;  // All of it was warm-up.
}

}  // namespace

double learning_rate(const ScheduleOptions& options, double lr, double progress,
                     double step, double epochs) {
  if (progress < options.warmup_epochs) {
    return warmup_rate(options, lr, progress, step);
  }
  const double done = share_done(progress, options.warmup_epochs, epochs);
  const double above_least = lr - options.min_lr;
  switch (options.name) {
    case ScheduleKind::kConstant:
    case ScheduleKind::kPlateau:
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
    case ScheduleKind::kCosine:
      return cosine_between(lr, options.min_lr, done);
    case ScheduleKind::kPoly:
      return options.min_lr + above_least * std::pow(1 - done, options.power);
    case ScheduleKind::kOnecycle:
      return onecycle_rate(options, lr, progress, step, epochs);
    case ScheduleKind::kWsd: {
      const double begin =
          std::max(epochs - options.decay_epochs, options.warmup_epochs);
      return options.min_lr +
             above_least * decay_left(options.decay_type,
                                      share_done(progress, begin, epochs));
    }
  }
  return lr;
}

}  // namespace skipzoo
