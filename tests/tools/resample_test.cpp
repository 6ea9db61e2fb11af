#include "tools/data/resample.h"

#include <ATen/ops/_upsample_bicubic2d_aa.h>
#include <ATen/ops/_upsample_bilinear2d_aa.h>
#include <ATen/ops/from_blob.h>
#include <gtest/gtest.h>

#include "tests/support/tensors.h"
#include "tools/data/random.h"
#include "tools/data/transform.h"

namespace skipzoo {
namespace {

/// (1, channels, height, width), over its pixels.
torch::Tensor tensor_of(Image& image) {
  const int64_t c = image.channels, h = image.height, w = image.width;
  return at::from_blob(image.pixels.data(), {1, c, h, w},
                       {h * w * c, 1, w * c, c}, torch::kByte);
}

Image noise(int64_t channels, int64_t height, int64_t width, Random& random) {
  Image image(channels, height, width);
  for (auto& value : image.pixels) {
    // Black and white more often: there sums are cut.
    const uint64_t drawn = random.next() >> 54;
    value = static_cast<uint8_t>(drawn < 512 ? drawn % 2 * 255 : drawn % 256);
  }
  return image;
}

void expect_as_pytorch(Image image, int64_t height, int64_t width,
                       Interpolation interpolation) {
  const auto from = tensor_of(image);
  const auto expected =
      interpolation == Interpolation::kBilinear
          ? at::_upsample_bilinear2d_aa(from, {height, width}, false)
          : at::_upsample_bicubic2d_aa(from, {height, width}, false);
  auto found = resample(image, height, width, interpolation);
  ASSERT_TRUE(torch::equal(tensor_of(found), expected))
      << image.channels << ": " << image.width << " x " << image.height
      << " to " << width << " x " << height << ' '
      << static_cast<int>(interpolation);
}

TEST(Resample, GivesTheBitsOfPyTorch) {
  Random random(1);
  for (const auto interpolation :
       {Interpolation::kBilinear, Interpolation::kBicubic}) {
    for (const int64_t channels : {1, 3}) {
      for (int64_t from = 1; from < 520; from += 1 + from / 9) {
        for (const int64_t to : {1, 7, 32, 97, 224}) {
          const int64_t other = 1 + random.below(20);
          const int64_t to_other = 1 + random.below(20);
          if (from == to && other == to_other) continue;
          expect_as_pytorch(noise(channels, other, from, random), to_other, to,
                            interpolation);
          expect_as_pytorch(noise(channels, from, other, random), to, to_other,
                            interpolation);
        }
      }
      expect_as_pytorch(noise(channels, 281, 343, random), 224, 224,
                        interpolation);
      expect_as_pytorch(noise(channels, 40, 343, random), 40, 224,
                        interpolation);
      expect_as_pytorch(noise(channels, 281, 33, random), 224, 33,
                        interpolation);
    }
  }
}

TEST(Normaliser, LooksUpTheBitsOfTheFormula) {
  const auto bytes =
      torch::arange(256, torch::kByte).view({2, 1, 16, 8}).repeat({3, 3, 1, 1});
  const std::vector<double> mean = {0.485, 0.456, 0.406};
  const std::vector<double> std = {0.229, 0.224, 0.225};
  const std::vector<double> none;
  for (const bool given : {true, false}) {
    const Normaliser normalise(given ? mean : none, given ? std : none,
                               torch::kCPU);
    for (const auto layout :
         {at::MemoryFormat::ChannelsLast, at::MemoryFormat::Contiguous}) {
      const auto pixels = bytes.contiguous(layout);
      const auto expected = pixels.to(torch::kFloat)
                                .sub(normalise.shift())
                                .div(normalise.scale());
      const auto found = normalise(pixels);
      EXPECT_TRUE(torch::equal(found, expected));
      EXPECT_TRUE(found.is_contiguous(layout));
    }
  }
}

}  // namespace
}  // namespace skipzoo
