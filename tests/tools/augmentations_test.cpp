#include <gtest/gtest.h>

#include <cmath>
#include <functional>
#include <numbers>

#include "tests/support/frequencies.h"
#include "tests/support/tensors.h"
#include "tools/data/augment/transforms.h"

namespace skipzoo {
namespace {

constexpr int kSamples = 100'000;

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
  options.augment.random_erasing.value.word = EraseValue::kRandom;
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

TEST(RandomErasing, FillsWithOneNumberOrOneAChannel) {
  DataOptions options;
  options.augment.random_erasing.p = 1;
  const auto erased_by = [&](const std::vector<double>& numbers) {
    options.augment.random_erasing.value.numbers = numbers;
    auto images = torch::full({50, 3, 24, 20}, 100.0);
    Targets targets;
    transform_batch(batch_transforms(options, 10), images, targets, 1, 2, 3);
    return images;
  };
  const auto zeros = erased_by({});
  const auto where = zeros.eq(0);
  EXPECT_TRUE(where.any().item<bool>());
  EXPECT_TRUE(torch::equal(erased_by({0.5}), zeros.masked_fill(where, 0.5)));
  const auto colour = torch::tensor({-1.0F, 0.F, 2.5F}).view({1, 3, 1, 1});
  EXPECT_TRUE(torch::equal(erased_by({-1, 0, 2.5}),
                           torch::where(where, colour, zeros)));
}

TEST(RandomErasing, AtOnceErasesWhatOneByOneDoes) {
  const auto images =
      torch::randn({40, 3, 24, 20}).contiguous(at::MemoryFormat::ChannelsLast);
  RandomErasingOptions options;
  options.p = 0.6;
  const auto expect_same = [&](bool erases = true) {
    auto one_by_one = images.clone(), at_once = images.clone();
    Targets targets;
    Random random(4), other(4);
    random_erasing(options).apply(one_by_one, targets, random);
    erase_at_once(options, at_once, other);
    EXPECT_TRUE(torch::equal(at_once, one_by_one));
    EXPECT_EQ(torch::equal(one_by_one, images), !erases);
    EXPECT_EQ(random.next(), other.next());
  };
  expect_same();
  options.value.numbers = {0.1};
  expect_same();
  options.value.numbers = {-1, 0, 2.5};
  expect_same();
  options.value.numbers = {};
  options.value.word = EraseValue::kRandom;
  expect_same();
  options.p = 1e-9;
  expect_same(/*erases=*/false);
}

}  // namespace
}  // namespace skipzoo
