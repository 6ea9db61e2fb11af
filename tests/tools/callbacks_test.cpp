#include "tools/train/callbacks.h"

#include <gtest/gtest.h>

#include <cmath>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/train/ema.h"

namespace skipzoo {
namespace {

/// What a Counter has seen.
struct Counts {
  int64_t steps = 0;
  int64_t validations = 0;
  bool validating = false;
};

/// Counts the steps of a run, over all its processes.
class Counter : public Callback {
 public:
  explicit Counter(Counts& counts) : counts_(counts) {}

  void on_step_end() override { ++counts_.steps; }
  bool averages() const override { return true; }
  void on_validation_start() override {
    counts_.validating = true;
    ++counts_.validations;
  }
  void on_validation_end() override { counts_.validating = false; }
  void add_to(TrainingState& state) override {
    state.add(
        {.name = "counter",
         .save =
             [this] {
               return NamedTensors{
                   {"steps", torch::full({}, counts_.steps, torch::kLong)}};
             },
         .load =
             [this](const NamedTensors& saved) {
               counts_.steps = saved.front().second.item<int64_t>();
             }});
  }

 private:
  Counts& counts_;
};

CallbackFactory counter(Counts& counts) {
  return {.make = [&counts](Classifier&) {
    return std::make_unique<Counter>(counts);
  }};
}

Settings averaged_run() {
  auto s = small_run();
  s.callbacks = {make_ema({.decay = 0.9})};
  return s;
}

void expect_equal(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST(Callbacks, HearOfEachStepAndAreAroundEachValidationOfTheirs) {
  TemporaryFolder folder;
  Counts counts;
  auto s = small_run();
  s.callbacks = {counter(counts)};
  int64_t steps = 0, batches_within = 0;
  const TrainerHooks hooks = {// Asked after each batch, and between the epochs.
                              .stop_requested =
                                  [&] {
                                    if (counts.validating) ++batches_within;
                                    return false;
                                  },
                              .on_step =
                                  [&](const StepReport&) {
                                    EXPECT_FALSE(counts.validating);
                                    EXPECT_EQ(counts.steps, ++steps);
                                  }};
  run(s, folder / "run", hooks);
  EXPECT_EQ(counts.steps, 4 * 7);
  EXPECT_EQ(counts.validations, 4);
  EXPECT_EQ(batches_within, 4 * 3);
  EXPECT_FALSE(counts.validating);
}

TEST(Callbacks, GoOnFromTheirSection) {
  TemporaryFolder folder;
  auto s = small_run();
  Counts before, after;
  s.callbacks = {counter(before)};
  run(s, folder / "run", stop_after(10));
  const auto saved = load_checkpoint(folder / "run/last.skz");
  EXPECT_EQ(saved.sections.at("counter").front().second.item<int64_t>(), 10);
  s.callbacks = {counter(after)};
  run(s, folder / "run");
  EXPECT_EQ(before.steps, 10);
  EXPECT_EQ(after.steps, 28);
}

TEST(Callbacks, ACheckpointIsUsedByTheirWeights) {
  TemporaryFolder folder;
  const auto s = averaged_run();
  run(small_run(), folder / "plain");
  const auto summary = run(s, folder / "run");
  const auto plain = load_checkpoint(folder / "plain/last.skz");
  const auto saved = load_checkpoint(folder / "run/last.skz");
  // Training goes its way as without them.
  expect_equal(saved.sections.at("model"), plain.weights);
  EXPECT_NEAR(validation_loss(saved.weights, s), summary.last.loss, 1e-6);
  EXPECT_GT(std::abs(validation_loss(plain.weights, s) - summary.last.loss),
            1e-4);
}

TEST(Callbacks, AResumedRunTrainsTheNetworksOwnWeights) {
  TemporaryFolder folder;
  const auto s = averaged_run();
  run(s, folder / "whole");
  run(s, folder / "parts", stop_after(10));
  run(s, folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
}

// What the first put in is what the second takes out, and has to put back.
TEST(Callbacks, OfTwoEachLeavesTheNetworkAsItFoundIt) {
  torch::NoGradGuard no_grad;
  const auto model = make_model(small_run().model);
  const auto plans = averaged_run().callbacks;
  Callbacks callbacks({}, {plans.front(), plans.front()}, *model);
  for (auto& parameter : model->parameters()) parameter.add_(2);
  callbacks.on_step_end();
  for (auto& parameter : model->parameters()) parameter.add_(2);
  const auto weight = [&] { return model->parameters().front().clone(); };
  const auto own = weight();
  {
    const Callbacks::Validation validation(callbacks);
    EXPECT_TRUE(torch::allclose(weight(), own - 3.8, 1e-5, 1e-5));
  }
  EXPECT_TRUE(torch::equal(weight(), own));
}

}  // namespace
}  // namespace skipzoo
