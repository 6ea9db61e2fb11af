#include "tools/cli/plan_trials.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <chrono>
#include <functional>

#include "models/classifier.h"
#include "models/make_model.h"
#include "models/summary.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/set_up.h"
#include "tools/cli/sweep.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

RunConfig config_of_plan(const Plan& plan, const std::string& device) {
  auto config =
      parse_config(config_text(plan, "/", "the plan"), "the plan", "/", {})
          .config;
  if (!device.empty()) config.train.device = device;
  return config;
}

/// Trains for some steps, as a run of the plan would begin.
LrSweep sweep_of_plan(const Plan& plan, const InitRequest& request,
                      const TrainingData& data, const LrSweepOptions& options,
                      const std::function<void(int64_t)>& on_step) {
  const RunConfig config = config_of_plan(plan, request.device);
  return sweep_rates(config, set_up_training(config, request.fetch, data),
                     options, on_step);
}

/// Of a training picture, by a few steps at rates that change nothing. The
/// first ones are slow: memory is found, and operators are chosen.
double measured_seconds(const Plan& plan, const InitRequest& request,
                        const TrainingData& data) {
  using Clock = std::chrono::steady_clock;
  constexpr int64_t kSlow = 2, kSteps = 6;
  Clock::time_point start, end;
  sweep_of_plan(
      plan, request, data, {.min_lr = 1e-12, .max_lr = 1e-11, .steps = kSteps},
      [&](int64_t done) { (done <= kSlow ? start : end) = Clock::now(); });
  const double seconds = std::chrono::duration<double>(end - start).count();
  return seconds /
         static_cast<double>((kSteps - kSlow) *
                             std::min(plan.batch_size, data.train->size()));
}

/// Smaller batches where the machine has no memory for those chosen.
double seconds_by_memory(Plan& plan, const InitRequest& request,
                         const TrainingData& data) {
  constexpr int64_t kLeast = 8;
  for (;;) {
    try {
      return measured_seconds(plan, request, data);
    } catch (const ConfigError&) {
      if (plan.batch_size <= kLeast) throw;
      plan.batch_size /= 2;
    }
  }
}

/// Multiply-accumulates of a picture: what its time goes by, roughly.
double cost_of(const Candidate& network) {
  const auto model = make_model(network.model);
  const int64_t size = network.image_size;
  const auto macs = static_cast<double>(
      summarise(*model, {in_channels(network.model), size, size}).macs);
  // The weights that stand still need no gradients.
  return network.head_alone ? macs / 3 : macs;
}

/// A plan for a network, after some of its steps were timed.
struct Trial {
  Plan plan;
  double seconds = 0;  ///< Of a training picture.
  bool is_enough = false;
};

Trial try_network(const PicturesAtHand& pictures,
                  const std::optional<Pretrained>& pretrained,
                  const Candidate& network, const InitRequest& request,
                  const TrainingData& data) {
  Trial trial{.plan = plan_for(pictures, pretrained, network, request.minutes)};
  trial.seconds = seconds_by_memory(trial.plan, request, data);
  trial.is_enough = choose_epochs(trial.plan, trial.seconds);
  spdlog::info("{}, pictures of {} x {}: {:.3g} ms a picture, {} epochs{}",
               network.words, network.image_size, network.image_size,
               1000 * trial.seconds, trial.plan.epochs,
               trial.is_enough ? "" : ", too few to learn much");
  return trial;
}

}  // namespace

Plan plan_by_time(const PicturesAtHand& pictures,
                  const std::optional<Pretrained>& pretrained,
                  const InitRequest& request, const TrainingData& data) {
  // Larger networks have larger products, which take less time for as much.
  constexpr double kAtBest = 0.4;
  const auto all = candidates(pictures, pretrained ? &*pretrained : nullptr);
  std::optional<Trial> chosen;
  double cost = 0;  // Of the chosen one.
  for (auto network = all.rbegin(); network != all.rend(); ++network) {
    const double own_cost = cost_of(*network);
    if (chosen) {
      auto hoped_for =
          plan_for(pictures, pretrained, *network, request.minutes);
      const double seconds = kAtBest * chosen->seconds * own_cost / cost;
      if (!choose_epochs(hoped_for, seconds)) break;
    }
    auto trial = try_network(pictures, pretrained, *network, request, data);
    if (chosen && !trial.is_enough) break;
    chosen = std::move(trial);
    cost = own_cost;
  }
  return chosen->plan;
}

void choose_lr_by_sweep(Plan& plan, const InitRequest& request,
                        const TrainingData& data) {
  constexpr int64_t kMost = 100, kLeast = 30;
  const int64_t all_steps = plan.epochs * plan.steps_per_epoch();
  const int64_t steps = std::min(kMost, all_steps / 10);
  if (steps < kLeast) return;
  ProgressBar bar;
  const auto sweep = sweep_of_plan(
      plan, request, data, {.min_lr = 1e-6, .max_lr = 1, .steps = steps},
      [&](int64_t done) { bar.update("lr-find", done, steps); });
  const auto found = suggestion(sweep.points(), steps);
  if (!found) return;
  const auto& points = sweep.points();
  const auto least = std::ranges::min_element(points, {}, &LrPoint::smoothed);
  choose_lr(plan, SweepRates{.valley = points[*found].lr, .least = least->lr});
}

}  // namespace skipzoo
