#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tools/train/follower.h"
#include "tools/train/options.h"

namespace skipzoo {

/// Those of a config; none as yet.
std::vector<FollowerPlan> planned_followers(const TrainOptions& options);
/// How many copies of the weights they will keep.
int64_t copies_in_followers(const TrainOptions& options);

/// The followers of a run.
class Followers {
 public:
  /// Those of the options, then others.
  Followers(const TrainOptions& options,
            const std::vector<FollowerPlan>& others, Classifier& model);

  void add_to(TrainingState& state);
  void after_step();

  /// While it lives, the network is as they have it validated.
  class Validation {
   public:
    explicit Validation(Followers& followers);
    ~Validation();
    Validation(const Validation&) = delete;
    Validation& operator=(const Validation&) = delete;

   private:
    Followers& followers_;
  };

 private:
  std::vector<std::unique_ptr<Follower>> all_;
};

}  // namespace skipzoo
