// What an algorithm answers, and the words of it.

#include "models/kernels/verdict.h"

#include <gtest/gtest.h>

#include "models/kernels/algorithms/choose.h"
#include "models/kernels/simd/processor.h"

namespace skipzoo {
namespace {

TEST(ConvolutionVerdict, PutsItsNumbersWhereTheyBelong) {
  const auto verdict = declined("# images of #x#, fewer than #", 3, 5, 7, -32);
  EXPECT_FALSE(verdict);
  EXPECT_EQ(verdict.words(), "3 images of 5x7, fewer than -32");
  EXPECT_TRUE(taken("as it is"));
  EXPECT_EQ(taken("as it is").words(), "as it is");
  EXPECT_EQ(Verdict().words(), "");
}

TEST(ConvolutionVerdict, SaysWhyAThresholdHoldsAShapeBack) {
  const auto winograd = [](int64_t images, int64_t side, int64_t channels) {
    return suits_winograd({.images = images,
                           .size = {side, side},
                           .in = channels,
                           .out = 64,
                           .type = at::kFloat});
  };
  const auto gemm = [](const ConvolutionShape& shape) {
    return suits_implicit_gemm(shape, at::kFloat);
  };
  const ConvolutionShape strided{.images = 64,
                                 .channels = 32,
                                 .outputs = 64,
                                 .in = {8, 8},
                                 .out = {4, 4},
                                 .kernel = {3, 3},
                                 .stride = 2,
                                 .top = 1,
                                 .left = 1};
  EXPECT_EQ(suits_im2col({4, 1, 256, 10, false}).words(),
            "at most 1024 pixels, so most time goes to the weight: 4");
  EXPECT_EQ(suits_im2col({17, 9, 576, 64, false}).words(),
            "more than 16 pixels: 17");
  EXPECT_EQ(suits_im2col({16, 9, 4608, 512, false}).words(),
            has_avx512() ? "at most 16 pixels, so most time goes to the "
                           "weight: 16"
                         : "more than 8388608 multiplications: 37748736");
  EXPECT_EQ(static_cast<bool>(suits_im2col({49, 1, 2048, 512, true})),
            has_avx2());
  EXPECT_FALSE(suits_im2col({49, 1, 2048, 512, false}));
  EXPECT_EQ(suits_small_convolution(9'000'000).words(),
            "more than 8388608 multiplications: 9000000");
  const auto joined = [](int64_t groups, int64_t channels, int64_t pixels) {
    return static_cast<bool>(suits_joined_groups(
        {.groups = groups, .in = channels, .out = channels, .pixels = pixels}));
  };
  EXPECT_EQ(joined(8, 4, 1024), has_avx512());
  EXPECT_EQ(joined(3, 32, 64), has_avx512());
  EXPECT_FALSE(joined(6, 4, 1024));  // The last two would fill no vector.
  EXPECT_FALSE(joined(8, 12, 1024));
  EXPECT_FALSE(joined(2, 64, 64));
  EXPECT_FALSE(joined(32, 4, 4000));
  const auto by_panels = [](int64_t width, int64_t taps, int64_t channels) {
    return static_cast<bool>(suits_panels({.pixels = 64,
                                           .width = width,
                                           .taps = taps,
                                           .in = channels,
                                           .out = channels}));
  };
  EXPECT_EQ(by_panels(8, 9, 256), has_avx512());
  EXPECT_FALSE(by_panels(6, 9, 256));
  EXPECT_FALSE(by_panels(8, 1, 512));
  EXPECT_FALSE(by_panels(8, 9, 120));
  EXPECT_FALSE(by_panels(8, 9, 300));
  if (!has_avx2()) {
    EXPECT_EQ(winograd(8, 8, 64).words(), "no AVX2");
    EXPECT_EQ(gemm(strided).words(), "no AVX2");
    return;
  }
  EXPECT_EQ(winograd(8, 8, 64).words(),
            "32 tiles of 4x4 pixels, and 32 pay for transforms");
  EXPECT_EQ(winograd(7, 8, 64).words(),
            "fewer tiles than the 32 that pay for transforms: 28");
  EXPECT_EQ(winograd(64, 5, 64).words(),
            "tiles of 4x4 less than half full: 1600 pixels in 256");
  EXPECT_EQ(winograd(8, 8, 3).words(), "fewer than 8 channels: 3");
  // A packed weight pays with fewer tiles while it stays in a cache.
  const auto packed = [](int64_t channels) {
    return suits_winograd({.images = 1,
                           .size = {8, 8},
                           .in = channels,
                           .out = channels,
                           .type = at::kFloat,
                           .packed = true});
  };
  EXPECT_FALSE(packed(63));
  EXPECT_TRUE(packed(64));
  EXPECT_TRUE(packed(128));
  EXPECT_FALSE(packed(129));
  EXPECT_EQ(gemm(strided).words(),
            "64 images of 8x8 pixels and 32 channels: a product of its own");
  auto other = strided;
  other.images = 7;
  EXPECT_EQ(gemm(other).words(), "fewer than 8 images: 7");
  other.images = 31;
  EXPECT_TRUE(gemm(other));
  other.in = {9, 8};
  EXPECT_EQ(gemm(other).words(),
            "more than 64 pixels a plane, at stride 2: 9x8");
  other = strided;
  other.stride = 1;
  EXPECT_EQ(gemm(other).words(),
            "more than 16 pixels a plane, at stride 1: 8x8");
  other = strided;
  other.outputs = 7;
  EXPECT_EQ(gemm(other).words(), "fewer than 8 channels: 7");
}

}  // namespace
}  // namespace skipzoo
