#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <sstream>

#include "tests/support/frequencies.h"
#include "tests/support/temporary_folder.h"
#include "tools/data/augment/policies.h"
#include "tools/data/distributions.h"

namespace skipzoo {
namespace {

constexpr int kDraws = 100'000;

/// timm's words without what they say of the direction.
Operation operation_of(std::string word) {
  for (const std::string_view end : {"Increasing", "Rel"}) {
    if (word.ends_with(end)) word.resize(word.size() - end.size());
  }
  for (const auto& entry : EnumNames<Operation>::values) {
    if (entry.name == word) return entry.value;
  }
  throw std::runtime_error("no operation " + word);
}

/// The lines of tables.txt that begin with a word, without it.
std::vector<std::istringstream> table(const std::string& name) {
  std::istringstream lines(
      read_text(std::filesystem::path(SKIPZOO_GOLDENS) / "augment/tables.txt"));
  std::vector<std::istringstream> found;
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with(name + " ")) {
      found.emplace_back(line.substr(name.size() + 1));
    }
  }
  EXPECT_FALSE(found.empty()) << name;
  return found;
}

/// What an operation is given for a magnitude of torchvision's.
double argument_of(Operation operation, double magnitude) {
  switch (operation) {
    case Operation::kTranslateX:
    case Operation::kTranslateY:
      return -std::trunc(magnitude);
    case Operation::kBrightness:
    case Operation::kColor:
    case Operation::kContrast:
    case Operation::kSharpness:
      return 1 + magnitude;
    case Operation::kSolarize:
      return 255 * magnitude;
    default:
      return magnitude;
  }
}

TEST(AugmentTables, OfTorchvisionsPolicies) {
  for (const std::string policy : {"randaugment", "trivial_wide", "learnt"}) {
    for (auto& line : table(policy)) {
      std::string word;
      int is_signed = 0;
      int64_t bins = 0, height = 0, width = 0, bin = 0;
      line >> word >> is_signed >> bins >> height >> width;
      const Ranges ranges = policy == "trivial_wide"
                                ? wide_ranges()
                                : usual_ranges(height, width);
      const Operation operation = operation_of(word);
      for (double value; line >> value; ++bin) {
        EXPECT_NEAR(torchvision_argument(operation, ranges, bin, bins, 1),
                    argument_of(operation, value), 1e-6 * (1 + value))
            << policy << ' ' << word << ' ' << bin;
        if (is_signed == 0) continue;
        EXPECT_NEAR(torchvision_argument(operation, ranges, bin, bins, -1),
                    argument_of(operation, -value), 1e-6 * (1 + value))
            << policy << ' ' << word << ' ' << bin;
      }
      EXPECT_TRUE(bin == 0 || bin == bins) << policy << ' ' << word;
    }
  }
  size_t at = 0;
  for (auto& line : table("randaugment")) {
    std::string word;
    line >> word;
    EXPECT_EQ(torchvision_operations()[at++], operation_of(word));
  }
  EXPECT_EQ(at, torchvision_operations().size());
}

TEST(AugmentTables, OfTheLearntPolicies) {
  for (const auto kind :
       {AutoAugment::kImageNet, AutoAugment::kCifar10, AutoAugment::kSvhn}) {
    std::map<size_t, size_t> halves;
    for (auto& line : table(std::string(name_of(kind)))) {
      size_t number = 0;
      std::string word;
      double p = 0;
      int64_t magnitude = 0;
      line >> number >> word >> p >> magnitude;
      const auto& half = learnt_policy(kind).at(number).at(halves[number]++);
      EXPECT_EQ(half.operation, operation_of(word)) << number;
      EXPECT_EQ(half.p, p) << number;
      EXPECT_EQ(half.magnitude, std::max<int64_t>(magnitude, 0)) << number;
    }
    EXPECT_EQ(halves.size(), 25u);
  }
}

TEST(AugmentTables, OfTimmsIncreasingOperations) {
  for (auto& line : table("timm")) {
    std::string word;
    double level = 0, value = 0;
    int sign = 0;
    line >> word >> level >> sign;
    if (!(line >> value)) continue;
    if (word == "TranslateXRel") value *= 50;
    if (word == "TranslateYRel") value *= 40;
    EXPECT_NEAR(timm_argument(operation_of(word), level, sign, 40, 50), value,
                1e-12)
        << word << ' ' << level;
  }
  const auto expect_list = [](const std::string& name,
                              std::span<const Operation> operations) {
    size_t at = 0;
    auto line = std::move(table(name).at(0));
    for (std::string word; line >> word; ++at) {
      ASSERT_LT(at, operations.size()) << name;
      EXPECT_EQ(operations[at], operation_of(word)) << name;
    }
    EXPECT_EQ(at, operations.size());
  };
  expect_list("rand_increasing", rand_increasing_operations());
  expect_list("augmix", augmix_operations());
}

AugmentOptions with(AutoAugment policy) {
  AugmentOptions options;
  options.auto_augment = policy;
  return options;
}

void for_each_draw(const AugmentOptions& options,
                   const std::function<void(const std::vector<Step>&)>& see) {
  for (uint64_t i = 0; i < kDraws; ++i) {
    Random random(3, 4, i);
    see(draw_steps(options, 200, 100, random));
  }
}

TEST(AugmentDraws, RandAugmentTakesEveryOperationAlike) {
  std::map<Operation, int64_t> seen;
  int64_t right = 0;
  for_each_draw(with(AutoAugment::kRandAugment), [&](const auto& steps) {
    ASSERT_EQ(steps.size(), 2u);
    for (const Step& step : steps) ++seen[step.operation];
    if (steps[0].operation == Operation::kTranslateX) {
      // Bin 9 of 30: 13.59 pixels of 100, cut to 13.
      EXPECT_EQ(std::abs(steps[0].argument), 13);
      right += steps[0].argument < 0 ? 1 : 0;
    }
  });
  EXPECT_EQ(seen.size(), 14u);
  for (const auto& [operation, count] : seen) {
    expect_frequency(count, 2 * kDraws, 1.0 / 14,
                     std::string(name_of(operation)));
  }
  expect_frequency(right, kDraws, 1.0 / 28, "to the right");
}

TEST(AugmentDraws, TrivialAugmentTakesEveryMagnitudeAlike) {
  std::map<Operation, int64_t> seen;
  std::map<int64_t, int64_t> bins;
  for_each_draw(with(AutoAugment::kTrivialWide), [&](const auto& steps) {
    ASSERT_EQ(steps.size(), 1u);
    ++seen[steps[0].operation];
    if (steps[0].operation != Operation::kRotate) return;
    ++bins[std::lround(steps[0].argument / 4.5)];
  });
  EXPECT_EQ(seen.size(), 14u);
  for (const auto& [operation, count] : seen) {
    expect_frequency(count, kDraws, 1.0 / 14, std::string(name_of(operation)));
  }
  EXPECT_EQ(bins.size(), 61u);
  for (const auto& [bin, count] : bins) {
    expect_frequency(count, kDraws, (bin == 0 ? 2.0 : 1.0) / (14 * 62),
                     "bin " + std::to_string(bin));
  }
}

TEST(AugmentDraws, LearntPoliciesKeepToTheirProbabilities) {
  for (const auto kind :
       {AutoAugment::kImageNet, AutoAugment::kCifar10, AutoAugment::kSvhn}) {
    std::map<Operation, double> expected;
    for (const auto& halves : learnt_policy(kind)) {
      for (const auto& half : halves) expected[half.operation] += half.p / 25;
    }
    std::map<Operation, int64_t> seen;
    for_each_draw(with(kind), [&](const auto& steps) {
      for (const Step& step : steps) ++seen[step.operation];
    });
    for (const auto& [operation, mean] : expected) {
      // At most two a picture: the variance is below twice the mean.
      EXPECT_NEAR(static_cast<double>(seen[operation]), kDraws * mean,
                  4 * std::sqrt(2 * kDraws * mean) + 1e-9)
          << name_of(kind) << ' ' << name_of(operation);
    }
  }
}

TEST(AugmentDraws, RandIncreasingDrawsItsMagnitudes) {
  auto options = with(AutoAugment::kRandIncreasing);
  options.magnitude = 5;
  std::map<Operation, int64_t> seen;
  std::map<Resampling, int64_t> ways;
  Mean level;
  for_each_draw(options, [&](const auto& steps) {
    for (const Step& step : steps) {
      ++seen[step.operation];
      ++ways[step.resampling];
      if (step.operation == Operation::kRotate) {
        level.add(std::abs(step.argument) / 3);
      }
    }
  });
  EXPECT_EQ(seen.size(), 15u);
  for (const auto& [operation, count] : seen) {
    expect_frequency(count, 2 * kDraws, 0.5 / 15,
                     std::string(name_of(operation)));
  }
  level.expect(5, 0.25, "level");
  EXPECT_EQ(ways[Resampling::kNearest], 0);
  expect_frequency(ways[Resampling::kBicubic], 2 * kDraws, 0.25, "bicubic");
}

TEST(AugmentDraws, AugMixDrawsItsChainsAndWeights) {
  for (const double alpha : {1.0, 0.5}) {
    auto options = with(AutoAugment::kAugMix);
    options.alpha = alpha;
    std::map<size_t, int64_t> depths;
    std::map<Operation, int64_t> seen;
    int64_t steps = 0;
    Mean first, share, level;
    for (uint64_t i = 0; i < kDraws; ++i) {
      Random random(5, 6, i);
      const Mixture mixture = draw_mixture(options, 20, 20, random);
      ASSERT_EQ(mixture.chains.size(), 3u);
      ++depths[mixture.chains[0].size()];
      first.add(mixture.weights[0]);
      share.add(mixture.share);
      for (const Step& step : mixture.chains[1]) {
        ++seen[step.operation];
        ++steps;
        if (step.operation == Operation::kRotate) {
          level.add(std::abs(step.argument) / 3);
        }
      }
    }
    EXPECT_EQ(depths.size(), 3u);
    for (const auto& [depth, count] : depths) {
      expect_frequency(count, kDraws, 1.0 / 3, std::to_string(depth));
    }
    EXPECT_EQ(seen.size(), 13u);
    for (const auto& [operation, count] : seen) {
      expect_frequency(count, steps, 1.0 / 13, std::string(name_of(operation)));
    }
    // Of Dirichlet(a, a, a) and Beta(a, a).
    first.expect(1.0 / 3, 2.0 / 9 / (3 * alpha + 1), "weight");
    share.expect(0.5, 0.25 / (2 * alpha + 1), "share");
    level.expect(1.5, 0.75, "level");
  }
}

TEST(AugmentDraws, DistributionsHaveTheirMeanAndVariance) {
  Random random(9);
  Mean normal, below, above;
  for (int i = 0; i < kDraws; ++i) {
    normal.add(draw_normal(random));
    below.add(draw_gamma(random, 0.3));
    above.add(draw_gamma(random, 4));
  }
  normal.expect(0, 1, "normal");
  below.expect(0.3, 0.3, "gamma 0.3");
  above.expect(4, 4, "gamma 4");
}

}  // namespace
}  // namespace skipzoo
