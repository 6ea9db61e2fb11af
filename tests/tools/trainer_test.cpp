#include "tools/train/trainer.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"

namespace skipzoo {
namespace {

/// The same for long enough to learn.
Settings longer_run() {
  auto s = small_run();
  ResNetOptions net;
  net.depths = {1, 1};
  net.widths = {8, 16};
  net.num_classes = 4;
  s.model = net;
  s.train.epochs = 15;
  s.data.augment = {};
  return s;
}

TEST(Trainer, LearnsTheColoursOfTheSyntheticClasses) {
  TemporaryFolder folder;
  const auto summary = run(longer_run(), folder / "run");
  EXPECT_FALSE(summary.stopped);
  EXPECT_GT(summary.last.top1, 90);  // Guessing gives 25.
  EXPECT_EQ(summary.last.images, 40);
  const auto rows = read_csv(folder / "run/summary.csv");
  ASSERT_EQ(rows.size(), 15u);
  EXPECT_LT(rows.back().train_loss, rows.front().train_loss);
  for (const char* name : {"best.skz", "last.skz", "metrics.jsonl",
                           "report.html", "events.out.tfevents.0.skipzoo"}) {
    EXPECT_TRUE(std::filesystem::exists(folder / "run" / name)) << name;
  }
}

TEST(Trainer, RepeatsItselfBitForBit) {
  TemporaryFolder folder;
  run(small_run(), folder / "a");
  run(small_run(), folder / "b");
  expect_same_run(folder / "a", folder / "b");
}

class Resume : public testing::TestWithParam<int> {};

// 7 batches an epoch: stops inside of epochs, at their ends and in the last.
TEST_P(Resume, EndsAsARunThatWasNeverStopped) {
  TemporaryFolder folder;
  run(small_run(), folder / "whole");
  const auto stopped =
      run(small_run(), folder / "parts", stop_after(GetParam()));
  EXPECT_TRUE(stopped.stopped);
  const auto resumed = run(small_run(), folder / "parts");
  EXPECT_FALSE(resumed.stopped);
  expect_same_run(folder / "whole", folder / "parts");
}

INSTANTIATE_TEST_SUITE_P(AtStep, Resume, testing::Values(1, 6, 7, 8, 20, 28));

class ResumeOptimizer : public testing::TestWithParam<Named<OptimizerKind>> {};

TEST_P(ResumeOptimizer, EndsAsARunThatWasNeverStopped) {
  for (const int64_t k : {0, 3}) {
    TemporaryFolder folder;
    auto s = small_run();
    s.train.optimizer.name = GetParam().value;
    s.train.optimizer.lr = 0.002;
    s.train.optimizer.no_decay_norm_bias = true;
    s.train.optimizer.lookahead.k = k;
    run(s, folder / "whole");
    run(s, folder / "parts", stop_after(10));
    run(s, folder / "parts");
    expect_same_run(folder / "whole", folder / "parts");
  }
}

INSTANTIATE_TEST_SUITE_P(Every, ResumeOptimizer,
                         testing::ValuesIn(EnumNames<OptimizerKind>::values),
                         [](const auto& tested) {
                           return std::string(tested.param.name);
                         });

// A checkpoint within an epoch, then a process that dies: what it wrote after
// the checkpoint is dropped and done again.
TEST(Resume, DropsRowsWrittenAfterTheCheckpoint) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.checkpoint_interval = 5;
  run(s, folder / "whole");
  // Step 10 is in epoch 2 of 7 steps each: kept aside, then put back.
  const auto path = folder / "parts";
  int steps = 0;
  TrainerHooks hooks;
  hooks.on_step = [&](const StepReport&) {
    if (++steps == 12) {
      std::filesystem::copy_file(path / "last.skz", folder / "kept.skz");
    }
  };
  run(s, path, hooks);
  std::filesystem::rename(folder / "kept.skz", path / "last.skz");
  EXPECT_EQ(load_checkpoint(path / "last.skz").position.batch, 3);
  run(s, path);
  expect_same_run(folder / "whole", path);
}

TEST(Trainer, ALossThatIsNotFiniteStopsTheRunWithItsPlace) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.optimizer.lr = 1e30;
  try {
    run(s, folder / "run");
    FAIL() << "no error";
  } catch (const TrainingError& error) {
    const std::string text = error.what();
    EXPECT_NE(text.find("loss is not finite at epoch 1, step "),
              std::string::npos)
        << text;
    EXPECT_NE(text.find("last checkpoint: none"), std::string::npos) << text;
  }
}

// With steps too small to move a weight, nothing gets better for long.
TEST(Trainer, EndsWhenItsPatienceIsOver) {
  TemporaryFolder folder;
  auto s = small_run();
  s.train.optimizer.lr = 1e-20;
  s.train.epochs = 200;
  s.train.patience = 3;
  const auto summary = run(s, folder / "run");
  EXPECT_FALSE(summary.stopped);
  const auto rows = read_csv(folder / "run/summary.csv");
  EXPECT_EQ(std::ssize(rows), summary.best.epoch + 3);
  EXPECT_LT(rows.size(), 200u);
  // It is over for a run that goes on as well; a longer one is not.
  run(s, folder / "run");
  EXPECT_EQ(read_csv(folder / "run/summary.csv").size(), rows.size());
  s.train.patience = 4;
  run(s, folder / "run");
  EXPECT_GT(read_csv(folder / "run/summary.csv").size(), rows.size());
}

TEST(Trainer, Bfloat16LearnsAsWell) {
  TemporaryFolder folder;
  auto s = longer_run();
  s.train.amp = Amp::kBf16;
  EXPECT_GT(run(s, folder / "run").last.top1, 90);
}

TEST(Trainer, LabelSmoothingRaisesTheLeastLoss) {
  TemporaryFolder folder;
  auto s = longer_run();
  run(s, folder / "sharp");
  s.train.label_smoothing = 0.5;
  run(s, folder / "smooth");
  // With 4 classes and half of the target spread, cross entropy stays above its
  // entropy: -(0.625 ln 0.625 + 3 * 0.125 ln 0.125) = 1.07.
  EXPECT_GT(read_csv(folder / "smooth/summary.csv").back().train_loss, 1.07);
  EXPECT_LT(read_csv(folder / "sharp/summary.csv").back().train_loss, 1.0);
}

TEST(Trainer, KeepsParametersChannelsLast) {
  const auto model = make_model(small_run().model);
  move_to(*model, torch::kCPU, true);
  for (const auto& parameter : model->parameters()) {
    if (parameter.dim() != 4) continue;
    EXPECT_TRUE(parameter.is_contiguous(at::MemoryFormat::ChannelsLast));
  }
}

TEST(Metrics, CountEveryImageOnce) {
  EvaluationSums sums(6, torch::kCPU);
  // Images 1 and 2 right; 3's class is sixth of six: outside of the top five.
  const auto logits = torch::tensor({{9.f, 1.f, 2.f, 3.f, 4.f, 5.f},
                                     {1.f, 9.f, 2.f, 3.f, 4.f, 5.f},
                                     {0.f, 9.f, 2.f, 3.f, 4.f, 5.f}});
  sums.add(logits.slice(0, 0, 2), torch::tensor({0, 1}));
  sums.add(logits.slice(0, 2, 3), torch::tensor({0}));
  const auto result = sums.result(*single_process());
  EXPECT_EQ(result.images, 3);
  EXPECT_NEAR(result.top1, 200.0 / 3, 1e-9);
  EXPECT_NEAR(result.top5, 200.0 / 3, 1e-9);
  EXPECT_EQ(result.confusion[0][1], 1);
  EXPECT_EQ(result.confusion[0][0], 1);
  const auto scores = class_scores(result.confusion);
  EXPECT_DOUBLE_EQ(scores[0].precision, 1);
  EXPECT_DOUBLE_EQ(scores[0].recall, 0.5);
  EXPECT_DOUBLE_EQ(scores[1].precision, 0.5);
  EXPECT_NEAR(scores[0].f1, 2.0 / 3, 1e-12);
  EXPECT_EQ(scores[5].images, 0);
}

}  // namespace
}  // namespace skipzoo
