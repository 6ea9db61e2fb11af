#include "tools/plan/plan.h"

#include <algorithm>
#include <cmath>
#include <cstdio>

#include "tools/config/fields.h"

namespace skipzoo {

namespace {

/// Of a step on so few pictures BatchNorm's statistics are still good, and a
/// small set has enough steps in an epoch.
int64_t batch_size_for(int64_t training) {
  constexpr int64_t kFew = 400, kSome = 2000;
  if (training < kFew) return 16;
  return training < kSome ? 32 : 64;
}

/// Muon's in training from scratch, SGD's in fine-tuning.
double usual_lr(const Plan& plan) { return plan.pretrained ? 0.005 : 0.01; }

/// Passes over the pictures that a network learns by: fewer are too few to
/// learn, more hardly help. From scratch, in the same three minutes, ResNet-8
/// with 74 epochs of 2,400 photos of CIFAR-10 comes to 66.2 % and ResNet-20
/// with 35 to 66.5 (2,000 other photos, one seed).
struct Bounds {
  int64_t least, most;
};

Bounds epochs_of(const Plan& plan) {
  const int64_t steps = plan.steps_per_epoch();
  const auto epochs_of_steps = [steps](int64_t number) {
    return (number + steps - 1) / steps;
  };
  if (plan.pretrained) {
    return {std::max<int64_t>(5, epochs_of_steps(150)),
            std::clamp<int64_t>(epochs_of_steps(2000), 30, 200)};
  }
  return {std::max<int64_t>(25, epochs_of_steps(1000)),
          std::clamp<int64_t>(epochs_of_steps(8000), 100, 800)};
}

std::string rounded(double value) {
  char text[32];
  std::snprintf(text, sizeof(text), "%.2g", value);
  return text;
}

}  // namespace

int64_t Plan::steps_per_epoch() const {
  return std::max<int64_t>(1,
                           (pictures.training + batch_size - 1) / batch_size);
}

Plan plan_for(const PicturesAtHand& pictures,
              const std::optional<Pretrained>& pretrained,
              const Candidate& network, double minutes) {
  Plan plan{.pictures = pictures,
            .pretrained = pretrained,
            .network = network,
            .batch_size = batch_size_for(pictures.training),
            .minutes = minutes,
            .why_epochs = {},
            .why_lr = {}};
  choose_lr(plan, std::nullopt);
  return plan;
}

bool choose_epochs(Plan& plan, double seconds_per_picture) {
  // An evaluation is a forward pass alone; a checkpoint is written behind it.
  constexpr double kForward = 0.4, kCheckpoint = 0.1, kInReserve = 0.9;
  const double seconds =
      seconds_per_picture *
          (static_cast<double>(plan.pictures.training) +
           kForward * static_cast<double>(plan.pictures.validation)) +
      kCheckpoint;
  const auto fitting =
      static_cast<int64_t>(kInReserve * plan.minutes * 60 / seconds);
  const Bounds bounds = epochs_of(plan);
  plan.epochs = std::clamp<int64_t>(fitting, 1, bounds.most);
  const std::string minutes =
      to_text(plan.minutes) + (plan.minutes == 1 ? " minute: " : " minutes: ");
  const std::string time =
      rounded(seconds_per_picture * 1000) + " ms a training picture here";
  plan.why_epochs = fitting > bounds.most ? "more would hardly help; " + time
                                          : "what fits into " + minutes + time;
  if (fitting < 1) {
    plan.why_epochs = "takes longer than " + minutes + time;
  }
  return fitting >= bounds.least;
}

bool mixes_pictures(const Plan& plan) {
  constexpr int64_t kFew = 400, kOften = 100;
  return !plan.pretrained && !plan.pictures.are_multi_label &&
         plan.pictures.training < kFew && plan.epochs >= kOften;
}

void choose_lr(Plan& plan, std::optional<SweepRates> found) {
  const double factor = plan.pretrained ? 4 : 2.5;
  const double usual = usual_lr(plan);
  plan.lr = usual;
  plan.why_lr = "the usual one; no sweep was made";
  if (!found) return;
  const double asked = plan.pretrained ? found->valley : found->least / 3;
  // Two digits are as many as it knows.
  plan.lr =
      std::stod(rounded(std::clamp(asked, usual / factor, usual * factor)));
  plan.why_lr = plan.pretrained
                    ? "the sweep's (skipzoo lr-find)"
                    : "a third of the sweep's rate of the least loss";
  if (asked < usual / factor || asked > usual * factor) {
    plan.why_lr += ", " + rounded(asked) + ", kept within a factor of " +
                   to_text(factor) + " of the usual " + to_text(usual);
  }
}

}  // namespace skipzoo
