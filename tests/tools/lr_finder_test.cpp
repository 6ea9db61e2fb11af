// The sweep over learning rates of lr-find, its suggestion, and that it leaves
// a network as it was: goldens/make_lr_find.py.

#include "tools/train/lr_finder.h"

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tests/support/small_run.h"
#include "tools/error.h"
#include "tools/train/random_state.h"
#include "tools/train/step.h"

namespace skipzoo {
namespace {

nlohmann::json lr_goldens() {
  std::ifstream file(std::string(SKIPZOO_GOLDENS) + "/lr_find.json");
  return nlohmann::json::parse(file);
}

TEST(LrSweep, HasTheRatesTheSmoothingAndTheEndOfTheScript) {
  const auto goldens = lr_goldens();
  for (const auto& golden : goldens["sweeps"]) {
    const auto losses = golden["losses"].get<std::vector<double>>();
    LrSweep sweep({.min_lr = golden["min_lr"],
                   .max_lr = golden["max_lr"],
                   .steps = std::ssize(losses)});
    for (size_t i = 0; !sweep.is_over(); ++i) sweep.add(losses[i]);
    const auto expected = golden["smoothed"].get<std::vector<double>>();
    EXPECT_EQ(sweep.diverged(), expected.size() < losses.size());
    ASSERT_EQ(sweep.points().size(), expected.size());
    for (size_t i = 0; i < expected.size(); ++i) {
      const auto& point = sweep.points()[i];
      EXPECT_NEAR(point.smoothed, expected[i], 1e-12);
      EXPECT_EQ(point.loss, losses[i]);
      const double lr = golden["lrs"][i];
      EXPECT_NEAR(point.lr, lr, 1e-12 * lr);
    }
  }
}

TEST(LrSweep, GoesFromTheFirstRateToTheLast) {
  LrSweep sweep({});
  while (!sweep.is_over()) sweep.add(1);
  EXPECT_EQ(sweep.points().size(), 100u);
  EXPECT_EQ(sweep.points().front().lr, 1e-8);
  EXPECT_NEAR(sweep.points().back().lr, 1, 1e-12);
  EXPECT_FALSE(sweep.diverged());
}

// Means of two losses, 98 to 100: to 8.08 it is 4 times the first and less.
TEST(LrSweep, EndsAboveFourTimesTheLeastLoss) {
  for (const double second : {6.9, 7.1}) {
    LrSweep sweep({});
    sweep.add(1);
    EXPECT_FALSE(sweep.is_over());
    sweep.add(second);
    EXPECT_NEAR(sweep.points()[1].smoothed, (0.98 + second) / 1.98, 1e-12);
    EXPECT_EQ(sweep.is_over(), second > 7);
    EXPECT_EQ(sweep.points().size(), 2u);
  }
  LrSweep sweep({});
  sweep.add(1);
  sweep.add(std::numeric_limits<double>::quiet_NaN());
  EXPECT_TRUE(sweep.diverged());
  EXPECT_EQ(sweep.points().size(), 1u);
}

TEST(LrSuggestion, IsInTheLongestValleyAsTheScriptHasIt) {
  const auto goldens = lr_goldens();
  for (const auto& golden : goldens["valleys"]) {
    const auto losses = golden["losses"].get<std::vector<double>>();
    const auto found = valley(losses);
    EXPECT_EQ(found.has_value(), !golden["index"].is_null());
    if (found) {
      EXPECT_EQ(static_cast<int64_t>(*found), golden["index"].get<int64_t>());
    }
  }
}

// Without the first tenth and the last five.
TEST(LrSuggestion, LeavesOutTheEndsOfASweep) {
  std::vector<LrPoint> points(50);
  for (size_t i = 0; i < points.size(); ++i) {
    points[i].smoothed = -static_cast<double>(i);
  }
  // 35 that fall: a third of them, and half of a third, from a step before.
  EXPECT_EQ(suggestion(points, 100), 10u - 1 + 11 + 5);
  points.resize(15);
  EXPECT_FALSE(suggestion(points, 100));
  points.resize(18);
  EXPECT_EQ(suggestion(points, 100), 10u);
}

struct Sweep {
  explicit Sweep(const Settings& s, std::shared_ptr<Classifier> net = nullptr)
      : model(net ? std::move(net) : make_model(s.model)) {
    move_to(*model, torch::kCPU, true);
  }

  LrFinderParts parts(const Settings& s) const {
    return {.model = *model,
            .options = s.train,
            .fine_tune = s.fine_tune,
            .train = Loader(make_synthetic(100, 8, 3, 4, Split::kTrain), s.data,
                            Loader::Mode::kTrain, s.train.seed, false),
            .preprocess = {.device = torch::kCPU,
                           .channels_last = true,
                           .normalise = Normaliser({}, {}, torch::kCPU)}};
  }
  NamedTensors state() const {
    NamedTensors copy;
    for (const auto& [name, tensor] : state_dict(*model)) {
      copy.emplace_back(name, tensor.detach().clone());
    }
    return copy;
  }

  std::shared_ptr<Classifier> model;
};

void expect_equal_state(const NamedTensors& a, const NamedTensors& b) {
  ASSERT_EQ(a.size(), b.size());
  for (size_t i = 0; i < a.size(); ++i) {
    EXPECT_TRUE(torch::equal(a[i].second, b[i].second)) << a[i].first;
  }
}

TEST(LrFinder, LeavesWeightsStatisticsAndRandomNumbersAsTheyWere) {
  auto s = small_run();
  const Sweep sweep(s);
  const auto weights = sweep.state();
  const auto random = [] {
    return random_state(torch::kCPU).front().second.clone();
  };
  const auto numbers = random();
  auto parts = sweep.parts(s);
  int64_t steps = 0;
  parts.on_step = [&](int64_t done) {
    EXPECT_EQ(done, ++steps);
    // Meanwhile they do move.
    if (done == 5) {
      const auto now = sweep.state();
      for (size_t i = 0; i < now.size(); ++i) {
        EXPECT_FALSE(torch::equal(now[i].second, weights[i].second))
            << now[i].first;
      }
      EXPECT_FALSE(torch::equal(random(), numbers));
    }
  };
  const auto found = find_lr(parts, {.min_lr = 1e-3, .max_lr = 1, .steps = 30});
  EXPECT_EQ(std::ssize(found.points()), steps);
  EXPECT_GT(steps, 7);  // More than an epoch has.
  expect_equal_state(sweep.state(), weights);
  EXPECT_TRUE(torch::equal(random(), numbers));
  for (const auto& parameter : sweep.model->parameters()) {
    EXPECT_FALSE(parameter.grad().defined());
  }
  // An error leaves them as well.
  parts.on_step = [](int64_t) { throw std::runtime_error("stop"); };
  EXPECT_THROW(find_lr(parts, {}), std::runtime_error);
  expect_equal_state(sweep.state(), weights);
}

TEST(LrFinder, IsTheSameEachTimeAndEndsWhereTheLossIsNoMore) {
  auto s = small_run();
  const Sweep sweep(s);
  auto parts = sweep.parts(s);
  const LrSweepOptions options = {.min_lr = 1e-4, .max_lr = 1e10, .steps = 50};
  const auto first = find_lr(parts, options);
  const auto again = find_lr(parts, options);
  EXPECT_TRUE(first.diverged());
  ASSERT_EQ(first.points().size(), again.points().size());
  for (size_t i = 0; i < first.points().size(); ++i) {
    EXPECT_EQ(first.points()[i].loss, again.points()[i].loss);
  }
}

// At rates that move nothing, losses are those of the weights as they are.
TEST(LrFinder, AStepIsOfSomeBatchesOfTheRunsOwn) {
  auto s = small_run();
  std::get<DenseNetOptions>(s.model).drop_rate = 0;
  s.train.grad_accum_steps = 3;
  s.train.label_smoothing = 0.1;
  const Sweep sweep(s);
  auto parts = sweep.parts(s);
  const auto found =
      find_lr(parts, {.min_lr = 1e-30, .max_lr = 1e-29, .steps = 20});
  sweep.model->train();
  const auto objective = make_objective(s.train);
  double sum = 0, pictures = 0;
  size_t steps = 0;
  int64_t number = 0;
  const int64_t last = parts.train.batches() - 1;
  for (const Batch& batch : parts.train.epoch(0)) {
    const auto size = static_cast<double>(batch.size());
    const auto logits = sweep.model->forward(parts.preprocess(batch.images));
    sum += size * objective(logits, batch.targets).item<double>();
    pictures += size;
    if (number % 3 == 2 || number == last) {
      EXPECT_NEAR(found.points()[steps++].loss, sum / pictures, 1e-5);
      sum = pictures = 0;
    }
    ++number;
  }
  EXPECT_EQ(steps, 3u);
}

TEST(LrFinder, FreezesAndScalesAsTheRunWould) {
  auto s = small_run();
  s.fine_tune.freeze = {"features.conv0"};
  const Sweep sweep(s);
  const auto weights = sweep.state();
  auto parts = sweep.parts(s);
  parts.on_step = [&](int64_t) {
    const auto now = sweep.state();
    EXPECT_TRUE(torch::equal(now.front().second, weights.front().second));
  };
  ASSERT_TRUE(weights.front().first.starts_with("features.conv0"));
  find_lr(parts, {.min_lr = 0.1, .max_lr = 1, .steps = 20});
}

TEST(LrFinder, SaysWhereTheFirstLossIsNone) {
  auto s = small_run();
  const Sweep sweep(s);
  auto parts = sweep.parts(s);
  const torch::NoGradGuard no_grad;
  sweep.model->parameters().back().fill_(
      std::numeric_limits<float>::quiet_NaN());
  const at::AutoGradMode grad(true);
  EXPECT_THROW(find_lr(parts, {}), TrainingError);
}

}  // namespace
}  // namespace skipzoo
