// Every file of configs/ is a test case: it loads without a warning, its
// network is built, one step is trained on synthetic data of its shape (without
// a run folder: checkpoints of all of them are gigabytes), and it is exported
// as a program.

#include <gtest/gtest.h>
#include <torch/types.h>

#include <algorithm>
#include <regex>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tests/support/temporary_folder.h"
#include "tools/config/run_config.h"
#include "tools/export/format.h"
#include "tools/train/evaluate.h"
#include "tools/train/fine_tune.h"
#include "tools/train/step.h"

namespace skipzoo {
namespace {

namespace fs = std::filesystem;

std::vector<std::string> config_files() {
  std::vector<std::string> files;
  for (const auto& entry : fs::recursive_directory_iterator(SKIPZOO_CONFIGS)) {
    if (entry.path().extension() == ".yaml") {
      files.push_back(fs::relative(entry.path(), SKIPZOO_CONFIGS).string());
    }
  }
  std::sort(files.begin(), files.end());
  return files;
}

class EveryConfig : public testing::TestWithParam<std::string> {};

TEST_P(EveryConfig, LoadsAndTrainsOneStep) {
  const auto path = fs::path(SKIPZOO_CONFIGS) / GetParam();
  auto [config, warnings] = load_config(path);
  EXPECT_TRUE(warnings.empty()) << warnings.front();

  // Two images, shrunk where they are large: as far as five halvings allow.
  config.data.dataset = DatasetKind::kSynthetic;
  config.data.batch_size = 2;
  config.data.image_size = std::min<int64_t>(config.data.image_size, 64);
  config.data.train_size = 0;
  config.data.progressive_resizing = {};
  const auto images =
      make_synthetic(2, config.data.image_size, in_channels(config.model),
                     num_classes(config.model), Split::kTrain);
  torch::manual_seed(0);
  const auto model = make_model(config.model);
  move_to(*model, torch::kCPU, config.train.channels_last);
  const Freezing freezing(config.fine_tune, *model);
  freezing.apply(*model, /*epoch=*/0);
  Optimizer optimizer(config.train.optimizer, *model,
                      lr_scales(config.fine_tune, *model));
  TrainingStep step(*model, optimizer, config.train);
  const Preprocessing preprocess = {
      .device = torch::kCPU,
      .channels_last = config.train.channels_last,
      .normalise = Normaliser(config.data.mean, config.data.std, torch::kCPU)};
  Loader train(images, config.data, Loader::Mode::kTrain, 0, false);
  const auto batch = train.epoch(0).next();
  const auto result = step(preprocess(batch->images), batch->targets);
  EXPECT_TRUE(result.loss.isfinite().item<bool>());
  Loader validation(images, config.data, Loader::Mode::kEvaluate, 0, false);
  EXPECT_EQ(
      evaluate(forward_of(*model, config.train.amp), validation, preprocess)
          .images,
      2);
}

// Weight files know no network: export_test.cpp is enough for these.
TEST_P(EveryConfig, ExportsAsAProgram) {
  auto config = load_config(fs::path(SKIPZOO_CONFIGS) / GetParam()).config;
  const auto& data = config.data;
  // A quarter of the pixels, and of the time; five halvings leave one.
  config.data.image_size =
      data.image_size > 64 ? 32 : std::min<int64_t>(data.image_size, 16);
  const auto shape = input_shape(config);
  torch::manual_seed(0);
  const auto model = make_model(config.model);
  {
    // Statistics that have settled: deep networks overflow with fresh ones.
    const torch::NoGradGuard no_grad;
    for (int i = 0; i < 3; ++i) {
      model->forward(torch::randn({2, shape[0], shape[1], shape[2]}));
    }
  }
  const Exportable network{.model = config.model,
                           .weights = state_dict(*model),
                           .metadata = {.config = dump_config(config),
                                        .classes = {},
                                        .mean = data.mean,
                                        .std = data.std,
                                        .input_shape = shape}};
  TemporaryFolder folder;
  for (const auto& format : export_formats()) {
    if (!format.has_program) continue;
    const auto check =
        export_network(folder / "net", network, {.format = format.format});
    EXPECT_LE(check.difference, 1e-4);
  }
}

INSTANTIATE_TEST_SUITE_P(Configs, EveryConfig,
                         testing::ValuesIn(config_files()),
                         [](const auto& config) {
                           std::string name =
                               config.param.substr(0, config.param.size() - 5);
                           std::replace_if(
                               name.begin(), name.end(),
                               [](char c) { return !std::isalnum(c); }, '_');
                           return name;
                         });

}  // namespace
}  // namespace skipzoo
