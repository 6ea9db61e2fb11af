// Schedules against torch.optim.lr_scheduler, step by step:
// goldens/make_schedules.py.

#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#include "tools/config/run_config.h"
#include "tools/train/plateau.h"
#include "tools/train/schedule.h"

namespace skipzoo {
namespace {

constexpr double kRate = 0.1;

ScheduleOptions schedule_of(const nlohmann::json& golden) {
  return parse_config(
             "model: {family: resnet}\n"
             "data: {dataset: synthetic, image_size: 8}\n",
             "x", "/",
             {"train.schedule=" + golden["schedule"].get<std::string>()})
      .config.train.schedule;
}

/// Of each step or, where the golden has values, of each epoch.
std::vector<double> rates_of(const nlohmann::json& golden) {
  const auto options = schedule_of(golden);
  std::vector<double> rates;
  if (!golden.contains("values")) {
    const auto steps = golden["steps"].get<int64_t>();
    const auto epochs = golden["epochs"].get<int64_t>();
    for (int64_t i = 0; i < epochs * steps; ++i) {
      const double progress =
          static_cast<double>(i / steps) +
          static_cast<double>(i % steps) / static_cast<double>(steps);
      rates.push_back(learning_rate(options, kRate, progress,
                                    1 / static_cast<double>(steps),
                                    static_cast<double>(epochs)));
    }
    return rates;
  }
  const auto metric =
      golden["mode"] == "min" ? EvalMetric::kLoss : EvalMetric::kTop1;
  Plateau plateau(options, metric, kRate);
  int64_t epoch = 0;
  for (const auto& value : golden["values"]) {
    rates.push_back(learning_rate(options, plateau.lr(),
                                  static_cast<double>(epoch), 1, 99));
    plateau.after_epoch(++epoch, value.is_null()
                                     ? std::numeric_limits<double>::quiet_NaN()
                                     : value.get<double>());
  }
  return rates;
}

TEST(ScheduleGoldens, EachStepHasTheRateOfTorch) {
  std::ifstream file(std::string(SKIPZOO_GOLDENS) + "/schedules.json");
  for (const auto& golden : nlohmann::json::parse(file)) {
    SCOPED_TRACE(golden["schedule"].get<std::string>());
    const auto rates = rates_of(golden);
    const auto expected = golden["rates"].get<std::vector<double>>();
    ASSERT_EQ(rates.size(), expected.size());
    for (size_t i = 0; i < rates.size(); ++i) {
      EXPECT_NEAR(rates[i], expected[i], 1e-14) << "step " << i;
    }
  }
}

TEST(ScheduleGoldens, ARunOfAnEpochHasRatesToo) {
  ScheduleOptions options;
  options.name = ScheduleKind::kOnecycle;
  EXPECT_EQ(learning_rate(options, kRate, 0, 1, 1), kRate);
  options.name = ScheduleKind::kWsd;
  options.decay_epochs = 10;
  EXPECT_EQ(learning_rate(options, kRate, 0, 0.5, 1), kRate);
  EXPECT_EQ(learning_rate(options, kRate, 0.5, 0.5, 1), kRate / 2);
}

}  // namespace
}  // namespace skipzoo
