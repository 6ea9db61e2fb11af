#include "tools/train/options.h"

#include <algorithm>
#include <initializer_list>

namespace skipzoo {

bool OptimizerOptions::uses(std::string_view key) const {
  using enum OptimizerKind;
  const auto is = [this](std::initializer_list<OptimizerKind> kinds) {
    return std::ranges::find(kinds, name) != kinds.end();
  };
  if (key == "momentum") return is({kSgd, kRmsprop, kMuon});
  if (key == "nesterov") return is({kSgd, kMuon});
  if (key == "betas") return !is({kSgd, kRmsprop});
  if (key == "eps") return !is({kSgd, kLion});
  if (key == "alpha") return is({kRmsprop});
  if (key == "adjust_lr_fn") return is({kMuon});
  return true;
}

void OptimizerOptions::validate(Problems& problems) const {
  if (betas.size() != 2) problems.push_back("betas needs two numbers");
  if (uses("nesterov") && nesterov && momentum == 0) {
    problems.push_back("nesterov needs a momentum above 0");
  }
}

bool ScheduleOptions::uses(std::string_view key) const {
  using enum ScheduleKind;
  const auto is = [this](std::initializer_list<ScheduleKind> kinds) {
    return std::ranges::find(kinds, name) != kinds.end();
  };
  if (key == "step_epochs") return is({kStep});
  if (key == "milestones") return is({kMultistep});
  if (key == "gamma") return is({kStep, kMultistep});
  if (key == "min_lr") return is({kCosine, kPoly, kPlateau, kWsd});
  if (key == "power") return is({kPoly});
  if (key == "pct_start" || key == "div_factor" || key == "final_div_factor") {
    return is({kOnecycle});
  }
  if (key == "patience" || key == "factor" || key == "threshold") {
    return is({kPlateau});
  }
  if (key == "decay_epochs" || key == "decay_type") return is({kWsd});
  if (key == "warmup_lr" || key == "warmup") return warmup_epochs > 0;
  return true;
}

void ScheduleOptions::validate(Problems& problems) const {
  if (name == ScheduleKind::kMultistep && milestones.empty()) {
    problems.push_back(
        "milestones is missing; multistep drops at these epochs");
  }
  if (name == ScheduleKind::kWsd && decay_epochs == 0) {
    problems.push_back(
        "decay_epochs is missing; wsd falls over so many last epochs");
  }
  if (name == ScheduleKind::kOnecycle && warmup_epochs > 0) {
    problems.push_back(
        "onecycle rises by itself, for pct_start of the run; leave out "
        "warmup_epochs");
  }
  for (size_t i = 1; i < milestones.size(); ++i) {
    if (milestones[i] <= milestones[i - 1]) {
      problems.push_back(
          "milestones must rise: " + std::to_string(milestones[i - 1]) +
          " then " + std::to_string(milestones[i]));
    }
  }
}

bool TrainOptions::uses(std::string_view key) const {
  if (key == "bce_target_threshold") return loss == Loss::kBce;
  if (key == "clip_mode") return clip_grad > 0;
  if (key == "cudnn_benchmark") return !deterministic;
  return true;
}

void TrainOptions::validate(Problems& problems) const {
  const auto& weights = class_weights.numbers;
  if (!weights.empty() &&
      std::ranges::all_of(weights, [](double w) { return w == 0; })) {
    problems.push_back("class_weights are all 0; then there is no loss");
  }
  if (device != "auto" && device != "cpu" && device != "cuda" &&
      !device.starts_with("cuda:")) {
    problems.push_back("device is '" + device +
                       "'; expected auto, cpu, cuda or cuda:<index>");
  }
  if (device == "cpu" && amp == Amp::kFp16) {
    problems.push_back(
        "amp is fp16, which is for CUDA, but device is cpu; off and bf16 are "
        "for both");
  }
}

}  // namespace skipzoo
