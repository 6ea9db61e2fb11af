#pragma once

#include <cstdint>
#include <functional>
#include <memory>

namespace skipzoo {

struct Classifier;
class TrainingState;

/// What is called as training goes on: a moving average of the weights, by
/// which the run is validated and used, and its like.
///
/// A new one is a file with a function that returns its CallbackFactory, a line
/// in callback_factories() and its options in TrainOptions.
class Callback {
 public:
  virtual ~Callback() = default;
  /// Once after each step of the optimizer. Reads nothing back from the device.
  virtual void on_step_end() = 0;
  /// Whether it has the network validated by an average of its weights too.
  virtual bool averages() const { return false; }
  /// Leaves the network as it is to be validated so; then, as it is trained.
  virtual void on_validation_start() {}
  virtual void on_validation_end() {}
  /// Adds what it goes on from: a section, or an average to be used instead of
  /// the weights that training moves.
  virtual void add_to(TrainingState& state) = 0;
};

/// How a run gets a callback.
struct CallbackFactory {
  /// Of the weights, that it will keep: what memory is counted by.
  int64_t copies_of_weights = 0;
  /// model: on its device; outlives what is made.
  std::function<std::unique_ptr<Callback>(Classifier& model)> make;
};

}  // namespace skipzoo
