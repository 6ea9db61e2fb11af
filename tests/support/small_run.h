#pragma once

#include <gtest/gtest.h>

#include <filesystem>
#include <memory>
#include <utility>

#include "models/zoo.h"
#include "tools/train/trainer.h"

namespace skipzoo {

// A run of a second through the trainer, from plain structs.

struct Settings {
  ModelOptions model;
  DataOptions data;
  TrainOptions train;
  FineTuneOptions fine_tune;
  std::vector<BatchTransform> batch_transforms;
  std::vector<CallbackFactory> callbacks;
  Teacher teacher;
  bool on_device = false;  ///< Whether its pictures live on the device: a CPU.
  StepGraphs step_graphs;
};

/// Minutes of a laptop's training in a second: a small DenseNet with dropout,
/// which draws from the global generator, on augmented synthetic data.
inline Settings small_run() {
  Settings s;
  DenseNetOptions net;
  net.block_config = {2, 2};
  net.growth_rate = 4;
  net.num_init_features = 8;
  net.drop_rate = 0.2;
  net.num_classes = 4;
  s.model = net;
  s.data.dataset = DatasetKind::kSynthetic;
  s.data.image_size = 8;
  s.data.batch_size = 16;
  s.data.augment.pad_and_crop = 1;
  s.data.augment.hflip = true;
  s.train.epochs = 4;
  s.train.optimizer.lr = 0.05;
  s.train.log_interval = 1000;
  return s;
}

inline Loader small_loader(const Settings& s, const DatasetPtr& data,
                           Loader::Mode mode) {
  Loader loader(data, s.data, mode, s.train.seed, false);
  if (s.on_device) {
    EXPECT_EQ(loader.keep_on(torch::kCPU, /*most=*/1e9), "");
  }
  return loader;
}

inline Trainer make_trainer(
    const Settings& s, const RunFolder& folder, TrainerHooks hooks = {},
    std::shared_ptr<Classifier> model = nullptr,
    std::shared_ptr<Collective> processes = single_process()) {
  torch::manual_seed(static_cast<uint64_t>(s.train.seed));
  const auto classes = num_classes(s.model);
  const auto train = make_synthetic(100, 8, 3, classes, Split::kTrain);
  const auto test = make_synthetic(40, 8, 3, classes, Split::kTest);
  return Trainer({.model = model ? model : make_model(s.model),
                  .options = s.train,
                  .fine_tune = s.fine_tune,
                  .train = small_loader(s, train, Loader::Mode::kTrain),
                  .validation = small_loader(s, test, Loader::Mode::kEvaluate),
                  .preprocess = {.device = torch::kCPU,
                                 .channels_last = s.train.channels_last,
                                 .normalise = Normaliser({}, {}, torch::kCPU)},
                  .batch_transforms = s.batch_transforms,
                  .callbacks = s.callbacks,
                  .teacher = s.teacher,
                  .metadata = {.config = "",
                               .classes = train->classes(),
                               .mean = {},
                               .std = {},
                               .input_shape = {3, 8, 8}},
                  .folder = folder,
                  .hooks = std::move(hooks),
                  .collective = std::move(processes),
                  .step_graphs = s.step_graphs});
}

/// Runs to the end, from the start or from the folder's last checkpoint.
inline TrainSummary run(const Settings& s, const std::filesystem::path& path,
                        TrainerHooks hooks = {},
                        const std::shared_ptr<Classifier>& model = nullptr) {
  const auto from = RunFolder::open(path).checkpoint();
  if (from.empty()) {
    return make_trainer(s, RunFolder::create(path), std::move(hooks), model)
        .run();
  }
  auto trainer = make_trainer(s, RunFolder::open(path), std::move(hooks));
  trainer.restore(load_checkpoint(from), from);
  return trainer.run();
}

/// The loss of weights on the validation split of a small run.
inline double validation_loss(const NamedTensors& weights, const Settings& s) {
  const auto model = make_model(s.model);
  copy_exactly(weights, *model);
  Loader test(make_synthetic(40, 8, 3, 4, Split::kTest), s.data,
              Loader::Mode::kEvaluate, s.train.seed, false);
  return evaluate(forward_of(*model, Amp::kOff), test,
                  {.device = torch::kCPU,
                   .channels_last = true,
                   .normalise = Normaliser({}, {}, torch::kCPU)})
      .loss;
}

/// Stops after `steps` steps of this process.
inline TrainerHooks stop_after(int steps) {
  auto count = std::make_shared<int>(0);
  return {.stop_requested = [count, steps] { return *count >= steps; },
          .on_step = [count](const StepReport&) { ++*count; }};
}

inline void expect_same_run(const std::filesystem::path& a,
                            const std::filesystem::path& b) {
  const auto x = load_checkpoint(a / "last.skz");
  const auto y = load_checkpoint(b / "last.skz");
  const auto expect_equal = [](const NamedTensors& p, const NamedTensors& q) {
    ASSERT_EQ(p.size(), q.size());
    for (size_t i = 0; i < p.size(); ++i) {
      EXPECT_TRUE(torch::equal(p[i].second, q[i].second)) << p[i].first;
    }
  };
  expect_equal(x.weights, y.weights);
  ASSERT_EQ(x.sections.size(), y.sections.size());
  for (const auto& [name, tensors] : x.sections) {
    expect_equal(tensors, y.sections.at(name));
  }
  EXPECT_EQ(x.best.epoch, y.best.epoch);
  EXPECT_EQ(x.best.value, y.best.value);
  auto rows = read_csv(a / "summary.csv");
  auto other = read_csv(b / "summary.csv");
  ASSERT_EQ(rows.size(), other.size());
  for (size_t i = 0; i < rows.size(); ++i) {
    for (auto* row : {&rows[i], &other[i]}) {
      row->seconds = row->images_per_s = row->data_time = 0;  // Times aside.
    }
    EXPECT_EQ(csv_line(rows[i]), csv_line(other[i]));
  }
}

}  // namespace skipzoo
