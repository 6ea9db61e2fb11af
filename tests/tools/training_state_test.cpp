#include "tools/train/training_state.h"

#include <gtest/gtest.h>

#include "tests/support/temporary_folder.h"
#include "tests/support/weight_files.h"
#include "tools/train/metrics.h"

namespace skipzoo {
namespace {

/// A part of a run whose state is one number.
struct Part {
  double value = 0;

  StateSection section(const std::string& name) {
    return {.name = name,
            .save = [this] { return numbers(value); },
            .load =
                [this](const NamedTensors& saved) {
                  value = saved.front().second.item<double>();
                }};
  }
  static NamedTensors numbers(double value) {
    return {{"x", torch::full({}, value, torch::kDouble)}};
  }
};

/// Weights and a part, through a file.
struct SmallState {
  Part weights, part;
  TrainingState state{weights.section("").save, weights.section("").load};

  SmallState() { state.add(part.section("part")); }
};

std::string load_error(TrainingState& state, const Checkpoint& checkpoint) {
  return file_error([&] { state.load(checkpoint, "last.skz"); });
}

TEST(TrainingState, WhatIsAddedComesBackFromACheckpoint) {
  TemporaryFolder folder;
  SmallState run;
  run.weights.value = 3;
  run.part.value = 5;
  run.state.position = {.epoch = 1, .batch = 2, .step = 9};
  auto checkpoint = run.state.save();
  checkpoint.metadata.input_shape = {3, 8, 8};
  save_checkpoint(folder / "last.skz", checkpoint);
  SmallState other;
  other.state.load(load_checkpoint(folder / "last.skz"), folder / "last.skz");
  EXPECT_EQ(other.weights.value, 3);
  EXPECT_EQ(other.part.value, 5);
  EXPECT_EQ(other.state.position.batch, 2);
}

TEST(TrainingState, ASectionThatIsUnknownMissingOrWrongIsNamed) {
  SmallState run;
  auto checkpoint = run.state.save();
  checkpoint.sections["averages"] = Part::numbers(1);
  expect_says(load_error(run.state, checkpoint),
              "last.skz: holds a section 'averages'");
  checkpoint = run.state.save();
  checkpoint.sections.erase("part");
  EXPECT_EQ(load_error(run.state, checkpoint),
            "last.skz: lacks the section 'part'");
  RunningMetrics metrics(torch::kCPU);
  run.state.add(metrics.section());
  checkpoint = run.state.save();
  checkpoint.sections["metrics"] = {{"", torch::zeros({2, 2}, torch::kDouble)}};
  EXPECT_EQ(load_error(run.state, checkpoint),
            "last.skz: its metrics are no sums of an epoch");
}

TEST(TrainingState, OlderCheckpointsMayLackAnOptionalSection) {
  SmallState run;
  const auto checkpoint = run.state.save();
  Part late;
  late.value = 7;
  auto section = late.section("late");
  section.is_optional = true;
  run.state.add(section);
  EXPECT_EQ(load_error(run.state, checkpoint), "no error");
  EXPECT_EQ(late.value, 7);
}

// As a moving average is: the file is used by it, and training goes on with the
// weights of its own.
TEST(TrainingState, WeightsInUseAreTheCheckpointsAndTheTrainedASection) {
  SmallState run;
  run.weights.value = 3;
  Part average;
  average.value = 2.5;
  run.state.use_average(average.section("average"));
  const auto checkpoint = run.state.save();
  EXPECT_EQ(checkpoint.weights.front().second.item<double>(), 2.5);
  EXPECT_EQ(checkpoint.sections.at("model").front().second.item<double>(), 3);
  run.weights.value = average.value = 0;
  run.state.load(checkpoint, "last.skz");
  EXPECT_EQ(run.weights.value, 3);
  EXPECT_EQ(average.value, 2.5);
  SmallState without;
  expect_says(load_error(without.state, checkpoint), "section 'model'");
}

}  // namespace
}  // namespace skipzoo
