#include "tools/train/followers.h"

#include <ranges>

namespace skipzoo {

std::vector<FollowerPlan> planned_followers(const TrainOptions& /*options*/) {
  return {};
}

int64_t copies_in_followers(const TrainOptions& options) {
  int64_t copies = 0;
  for (const auto& plan : planned_followers(options)) {
    copies += plan.copies_of_weights;
  }
  return copies;
}

Followers::Followers(const TrainOptions& options,
                     const std::vector<FollowerPlan>& others,
                     Classifier& model) {
  for (const auto& plans : {planned_followers(options), others}) {
    for (const auto& plan : plans) all_.push_back(plan.make(model));
  }
}

void Followers::add_to(TrainingState& state) {
  for (const auto& follower : all_) follower->add_to(state);
}

void Followers::after_step() {
  for (const auto& follower : all_) follower->after_step();
}

Followers::Validation::Validation(Followers& followers)
    : followers_(followers) {
  for (const auto& follower : followers_.all_) follower->before_validation();
}

// In reverse, so that each finds the weights as it left them.
Followers::Validation::~Validation() {
  for (const auto& follower : followers_.all_ | std::views::reverse) {
    follower->after_validation();
  }
}

}  // namespace skipzoo
