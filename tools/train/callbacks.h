#pragma once

#include <cstdint>
#include <memory>
#include <vector>

#include "tools/train/callback.h"
#include "tools/train/options.h"

namespace skipzoo {

/// Those of a config.
std::vector<CallbackFactory> callback_factories(const TrainOptions& options);
/// How many copies of the weights they will keep.
int64_t copies_in_callbacks(const TrainOptions& options);

/// The callbacks of a run.
class Callbacks {
 public:
  /// Those of the options, then others.
  Callbacks(const TrainOptions& options,
            const std::vector<CallbackFactory>& others, Classifier& model);

  void add_to(TrainingState& state);
  void on_step_end();
  /// Whether the network is validated by an average of its weights too.
  bool averages() const;

  /// While it lives, the network is as they have it validated.
  class Validation {
   public:
    explicit Validation(Callbacks& callbacks);
    ~Validation();
    Validation(const Validation&) = delete;
    Validation& operator=(const Validation&) = delete;

   private:
    Callbacks& callbacks_;
  };

 private:
  std::vector<std::unique_ptr<Callback>> all_;
};

}  // namespace skipzoo
