#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace skipzoo {

struct Classifier;
class TrainingState;

/// What goes along with training, step by step: a moving average of the
/// weights, by which the run is validated and used, and its like. A callback
/// elsewhere.
///
/// A new one is a file with a function that returns its FollowerPlan, a line in
/// planned_followers() and its options in TrainOptions.
class Follower {
 public:
  virtual ~Follower() = default;
  /// Once after each step of the optimizer. Reads nothing back from the device.
  virtual void after_step() = 0;
  /// Leaves the network as it is to be validated; then, as it is trained.
  virtual void before_validation() {}
  virtual void after_validation() {}
  /// Adds what it goes on from: a section, or weights to be used instead of
  /// those that training moves.
  virtual void add_to(TrainingState& state) = 0;
};

/// How a run gets a follower.
struct FollowerPlan {
  /// Of the weights, that it will keep: what memory is counted by.
  int64_t copies_of_weights = 0;
  /// model: on its device; outlives what is made.
  std::function<std::unique_ptr<Follower>(Classifier& model)> make;
};

}  // namespace skipzoo
