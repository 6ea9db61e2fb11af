#include "tools/cli/sweep.h"

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/run/batches.h"
#include "tools/run/network.h"
#include "tools/train/lr_finder.h"
#include "tools/train/objective.h"

namespace skipzoo {

LrSweep sweep_rates(const RunConfig& config, const TrainingSetup& setup,
                    const LrSweepOptions& options,
                    const std::function<void(int64_t)>& on_step) {
  move_to(*setup.model, setup.device, config.train.channels_last);
  LrFinderParts parts = {
      .model = *setup.model,
      .options = with_class_weights(config.train, *setup.data.train),
      .fine_tune = config.fine_tune,
      .train = make_loader(setup.data.train, config, Loader::Mode::kTrain,
                           setup.device),
      .preprocess = make_preprocessing(config, setup.device),
      .batch_transforms =
          batch_transforms(config.data, num_classes(config.model)),
      .teacher = setup.teacher,
      .on_step = on_step};
  return find_lr(parts, options);
}

}  // namespace skipzoo
