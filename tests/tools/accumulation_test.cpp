// train.grad_accum_steps: several batches make one step.

#include <gtest/gtest.h>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/train/step.h"

namespace skipzoo {
namespace {

/// Weights after two steps of eleven pictures, in batches of these sizes; in
/// float64. The norms are frozen: they would be of each batch.
std::vector<torch::Tensor> weights_after(const std::vector<int64_t>& parts,
                                         const TrainOptions& options) {
  torch::manual_seed(3);
  ResNetOptions net;
  net.depths = {1, 1};
  net.widths = {4, 8};
  net.kernels = Kernels::kReference;
  const auto model = make_model(net);
  model->to(torch::kDouble);
  model->eval();
  Optimizer optimizer(options.optimizer, *model);
  TrainingStep step(*model, optimizer, options);
  for (int i = 0; i < 2; ++i) {
    const auto images =
        torch::randn({11, 3, 8, 8}, torch::kDouble).split_with_sizes(parts);
    const auto labels = torch::arange(11).remainder(10).split_with_sizes(parts);
    for (size_t p = 0; p < parts.size(); ++p) {
      if (parts.size() == 1) {
        step(images[p], {labels[p]});
      } else {
        step.accumulate(images[p], {labels[p]});
      }
    }
    EXPECT_EQ(step.update(), parts.size() > 1);
  }
  return model->parameters();
}

TEST(Accumulation, IsTheStepOfTheLargeBatchAlsoWhereThePartsDiffer) {
  TrainOptions options;
  options.label_smoothing = 0.1;
  for (const double clip : {0.0, 0.5}) {
    options.clip_grad = clip;
    const auto large = weights_after({11}, options);
    for (const auto& parts :
         std::vector<std::vector<int64_t>>{{4, 4, 3}, {5, 5, 1}, {2, 9}}) {
      const auto small = weights_after(parts, options);
      for (size_t i = 0; i < large.size(); ++i) {
        EXPECT_LT((large[i] - small[i]).abs().max().item<double>(), 1e-12);
      }
    }
  }
}

Settings accumulating(int64_t parts) {
  auto s = small_run();
  s.train.grad_accum_steps = parts;
  return s;
}

/// Steps of the optimizer, by AdamW's count of them.
double steps_of(const std::filesystem::path& run) {
  const auto checkpoint = load_checkpoint(run / "last.skz");
  for (const auto& [name, tensor] : checkpoint.sections.at("optimizer")) {
    if (name.starts_with("step.")) return tensor.item<double>();
  }
  return 0;
}

// Seven batches an epoch: two groups of three, and the last one alone.
TEST(Accumulation, AnEpochEndsWithTheBatchesThatAreLeft) {
  TemporaryFolder folder;
  auto s = accumulating(3);
  s.train.optimizer.name = OptimizerKind::kAdamW;
  s.train.optimizer.lr = 1e-3;
  run(s, folder / "run");
  EXPECT_EQ(steps_of(folder / "run"), 4 * 3);
  s.train.grad_accum_steps = 100;
  run(s, folder / "epochs");
  EXPECT_EQ(steps_of(folder / "epochs"), 4);
}

TEST(Accumulation, ResumesWithinAGroupBitForBit) {
  TemporaryFolder folder;
  run(accumulating(3), folder / "whole");
  for (const int steps : {8, 9, 10, 14}) {
    const auto parts = folder / std::to_string(steps);
    run(accumulating(3), parts, stop_after(steps));
    const auto sections = load_checkpoint(parts / "last.skz").sections;
    EXPECT_EQ(sections.contains("accumulation"), steps == 8 || steps == 9)
        << steps;
    run(accumulating(3), parts);
    expect_same_run(folder / "whole", parts);
  }
}

TEST(Accumulation, RefusesTheGradientsOfAnotherNetwork) {
  const auto model = make_model(ResNetOptions{});
  TrainOptions options;
  Optimizer optimizer(options.optimizer, *model);
  TrainingStep step(*model, optimizer, options);
  EXPECT_THROW(step.section().load({{"gradient.no_such", torch::zeros({1})}}),
               std::runtime_error);
  EXPECT_THROW(step.section().load({{"gradient.fc.bias", torch::zeros({1})}}),
               std::runtime_error);
}

// The rate of a group is that of a large batch: as many steps, each as long.
TEST(Accumulation, ItsScheduleCountsSteps) {
  TemporaryFolder folder;
  auto s = accumulating(4);  // Two steps an epoch.
  s.train.epochs = 2;
  s.train.schedule.name = ScheduleKind::kPoly;
  run(s, folder / "run");
  const auto rows = read_csv(folder / "run/summary.csv");
  EXPECT_DOUBLE_EQ(rows[0].lr, 0.05 * 3 / 4);
  EXPECT_DOUBLE_EQ(rows[1].lr, 0.05 * 1 / 4);
}

}  // namespace
}  // namespace skipzoo
