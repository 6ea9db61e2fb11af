#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <map>
#include <numbers>
#include <sstream>

#include "tests/support/temporary_folder.h"
#include "tests/support/tensors.h"
#include "tools/data/augment/policies.h"
#include "tools/data/augment/transforms.h"
#include "tools/data/distributions.h"

namespace skipzoo {
namespace {

constexpr int kSamples = 100'000;

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

/// That so many of n draws of probability p are within four standard deviations
/// of what is expected.
void expect_frequency(int64_t count, int64_t n, double p,
                      const std::string& what) {
  const auto expected = static_cast<double>(n) * p;
  EXPECT_NEAR(static_cast<double>(count), expected,
              4 * std::sqrt(expected * (1 - p)) + 1e-9)
      << what;
}

/// The mean of n numbers, against that of their distribution.
struct Mean {
  double sum = 0, squares = 0;
  int64_t n = 0;
  void add(double value) {
    sum += value;
    squares += value * value;
    ++n;
  }
  double mean() const { return sum / static_cast<double>(n); }
  double variance() const {
    return squares / static_cast<double>(n) - mean() * mean();
  }
  void expect(double mean_of, double variance_of,
              const std::string& what) const {
    const double deviation = std::sqrt(variance_of / static_cast<double>(n));
    EXPECT_NEAR(mean(), mean_of, 4 * deviation) << what;
    EXPECT_NEAR(variance(), variance_of, 0.05 * variance_of) << what;
  }
};

AugmentOptions with(AutoAugment policy) {
  AugmentOptions options;
  options.auto_augment = policy;
  return options;
}

void for_each_draw(const AugmentOptions& options,
                   const std::function<void(const std::vector<Step>&)>& see) {
  for (uint64_t i = 0; i < kSamples; ++i) {
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
    expect_frequency(count, 2 * kSamples, 1.0 / 14,
                     std::string(name_of(operation)));
  }
  expect_frequency(right, kSamples, 1.0 / 28, "to the right");
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
    expect_frequency(count, kSamples, 1.0 / 14,
                     std::string(name_of(operation)));
  }
  EXPECT_EQ(bins.size(), 61u);
  for (const auto& [bin, count] : bins) {
    expect_frequency(count, kSamples, (bin == 0 ? 2.0 : 1.0) / (14 * 62),
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
      EXPECT_NEAR(static_cast<double>(seen[operation]), kSamples * mean,
                  4 * std::sqrt(2 * kSamples * mean) + 1e-9)
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
    expect_frequency(count, 2 * kSamples, 0.5 / 15,
                     std::string(name_of(operation)));
  }
  level.expect(5, 0.25, "level");
  EXPECT_EQ(ways[Resampling::kNearest], 0);
  expect_frequency(ways[Resampling::kBicubic], 2 * kSamples, 0.25, "bicubic");
}

TEST(AugmentDraws, AugMixDrawsItsChainsAndWeights) {
  for (const double alpha : {1.0, 0.5}) {
    auto options = with(AutoAugment::kAugMix);
    options.alpha = alpha;
    std::map<size_t, int64_t> depths;
    std::map<Operation, int64_t> seen;
    int64_t steps = 0;
    Mean first, share, level;
    for (uint64_t i = 0; i < kSamples; ++i) {
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
      expect_frequency(count, kSamples, 1.0 / 3, std::to_string(depth));
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
  for (int i = 0; i < kSamples; ++i) {
    normal.add(draw_normal(random));
    below.add(draw_gamma(random, 0.3));
    above.add(draw_gamma(random, 4));
  }
  normal.expect(0, 1, "normal");
  below.expect(0.3, 0.3, "gamma 0.3");
  above.expect(4, 4, "gamma 4");
}

/// The only transform that a config asks for, on as many samples.
void for_each_view(const DataOptions& options, const Image& image,
                   const std::function<void(const Image&)>& see) {
  const auto transforms = training_transforms(options);
  ASSERT_EQ(transforms.size(), 1u);
  for (uint64_t i = 0; i < kSamples; ++i) {
    see(training_view(image, transforms, Random(1, 2, i)));
  }
}

Image colourful() {
  Image image(3, 2, 1);
  image.pixels = {200, 100, 50, 10, 20, 30};
  return image;
}

TEST(Augmentations, FlipHalfOfThePicturesUpsideDown) {
  DataOptions options;
  options.augment.vflip = true;
  int64_t flipped = 0;
  for_each_view(options, colourful(), [&](const Image& view) {
    flipped += view.pixels[0] == 10 ? 1 : 0;
  });
  expect_frequency(flipped, kSamples, 0.5, "flipped");
}

TEST(Augmentations, TakeTheColourOfTheirShare) {
  DataOptions options;
  options.augment.grayscale = 0.2;
  int64_t grey = 0;
  for_each_view(options, colourful(), [&](const Image& view) {
    grey += view.pixels[0] == view.pixels[1] ? 1 : 0;
  });
  expect_frequency(grey, kSamples, 0.2, "grey");
}

TEST(Augmentations, BlurTheirShare) {
  DataOptions options;
  options.augment.gaussian_blur.p = 0.3;
  options.augment.gaussian_blur.sigma = {1, 2};
  int64_t blurred = 0;
  for_each_view(options, colourful(), [&](const Image& view) {
    blurred += view.pixels[0] < 200 ? 1 : 0;
  });
  expect_frequency(blurred, kSamples, 0.3, "blurred");
}

TEST(Augmentations, JitterWithinTheirRange) {
  DataOptions options;
  options.augment.color_jitter.brightness = 0.4;
  Mean value;
  for_each_view(options, colourful(), [&](const Image& view) {
    EXPECT_GE(view.pixels[1], 59);
    EXPECT_LE(view.pixels[1], 140);
    value.add(view.pixels[1] + 0.5);
  });
  value.expect(100, 80.0 * 80 / 12, "factor");
}

TEST(Augmentations, RotateByEveryAngleAlike) {
  DataOptions options;
  options.augment.rotation = 90;
  // A column above the middle: which way it points tells the angle's side.
  Image image(1, 33, 33);
  for (size_t y = 0; y < 10; ++y) image.pixels[33 * y + 16] = 255;
  int64_t left = 0, half = 0;
  for_each_view(options, image, [&](const Image& view) {
    int64_t column = 0, count = 0;
    for (int64_t i = 0; i < 33 * 33; ++i) {
      if (view.pixels[static_cast<size_t>(i)] == 0) continue;
      column += i % 33;
      ++count;
    }
    ASSERT_GT(count, 0);
    const double at = static_cast<double>(column) / static_cast<double>(count);
    left += at < 16 ? 1 : 0;
    half += std::abs(at - 16) > 12 * std::sin(std::numbers::pi / 4) ? 1 : 0;
  });
  // The pixels' own roundness takes a little of the halves.
  EXPECT_NEAR(static_cast<double>(left) / kSamples, 0.5, 0.02);
  EXPECT_NEAR(static_cast<double>(half) / kSamples, 0.5, 0.05);
}

TEST(RandomErasing, ErasesItsShareAndLeavesTheRest) {
  DataOptions options;
  options.augment.random_erasing.p = 0.25;
  const auto transforms = batch_transforms(options, 10);
  ASSERT_EQ(transforms.size(), 1u);
  int64_t erased = 0;
  for (int64_t batch = 0; batch < kSamples / 1000; ++batch) {
    auto images = torch::ones({1000, 2, 24, 20});
    Targets targets;
    transform_batch(transforms, images, targets, 1, 2, batch);
    const auto left = images.sum(std::vector<int64_t>{2, 3}).contiguous();
    const float* pixels = left.const_data_ptr<float>();
    for (int64_t i = 0; i < 1000; ++i) {
      EXPECT_EQ(pixels[2 * i], pixels[2 * i + 1]);
      const double gone = 480 - pixels[2 * i];
      if (gone == 0) continue;
      ++erased;
      // Sides are rounded.
      EXPECT_GE(gone, 0.02 * 480 - 5);
      EXPECT_LE(gone, 0.33 * 480 + 13);
    }
  }
  expect_frequency(erased, kSamples, 0.25, "erased");
}

TEST(RandomErasing, ErasesOneRectangleWithNoiseWhereAsked) {
  DataOptions options;
  options.augment.random_erasing.p = 1;
  options.augment.random_erasing.value = EraseValue::kRandom;
  auto images = torch::full({200, 3, 24, 20}, 100.0);
  Targets targets;
  transform_batch(batch_transforms(options, 10), images, targets, 1, 2, 3);
  Mean noise;
  for (int64_t i = 0; i < 200; ++i) {
    const auto changed = images.select(0, i).ne(100.0);
    const auto here = changed.any(0);
    EXPECT_TRUE(torch::equal(here, changed.all(0)));
    const auto rows = here.any(1), columns = here.any(0);
    EXPECT_TRUE(torch::equal(
        here, rows.unsqueeze(1).logical_and(columns.unsqueeze(0))));
    const auto values = images.select(0, i).masked_select(changed).contiguous();
    for (int64_t k = 0; k < values.numel(); ++k) {
      noise.add(values.const_data_ptr<float>()[k]);
    }
  }
  noise.expect(0, 1, "noise");
}

}  // namespace
}  // namespace skipzoo
