// What a teacher sees of the pictures of another network.

#include <gtest/gtest.h>

#include "tools/train/distill.h"

namespace skipzoo {
namespace {

Normaliser by(const std::vector<double>& mean, const std::vector<double>& std) {
  return {mean, std, torch::kCPU};
}

TEST(OtherView, NormalisesAnewWhereMeanAndStdAreOthers) {
  const auto pixels = torch::randint(256, {2, 2, 3, 4}, torch::kByte);
  const auto given = by({0.2, 0.4}, {0.5, 0.25});
  const auto own = by({0.1, 0.6}, {0.3, 0.7});
  const auto images = given(pixels);
  const auto view = OtherView(given, {.normalise = own}, {3, 4})(images);
  EXPECT_TRUE(torch::allclose(view, own(pixels), 1e-5, 1e-5));
  EXPECT_FALSE(torch::allclose(view, images, 1e-2, 1e-2));
  // A program of bytes takes 0 to 255.
  const Normaliser none({}, {}, torch::kCPU, /*most=*/1);
  EXPECT_TRUE(torch::allclose(OtherView(given, {.normalise = none}, {})(images),
                              pixels.to(torch::kFloat), 1e-4, 1e-3));
}

TEST(OtherView, LeavesWhatAgreesAsItIs) {
  const auto given = by({0.2, 0.4}, {0.5, 0.25});
  const auto images = torch::randn({2, 2, 3, 4});
  const OtherView same(given, {.normalise = by({0.2, 0.4}, {0.5, 0.25})},
                       {3, 4});
  EXPECT_TRUE(torch::equal(same(images), images));
  EXPECT_EQ(same(images.to(torch::kDouble)).scalar_type(), torch::kFloat);
}

// To half the size a triangle of four pixels weighs 1, 3, 3, 1 (PIL's
// bilinear); to any size, one colour stays itself.
TEST(OtherView, ResizesAsPicturesAre) {
  const auto given = by({0.5}, {0.25}), own = by({0.1}, {0.5});
  const auto row = torch::tensor({0, 16, 200, 40, 8, 120, 80, 240});
  const auto pixels =
      row.to(torch::kByte).view({1, 1, 1, 8}).expand({1, 1, 8, 8});
  const auto half =
      OtherView(given, {.normalise = own}, {4, 4})(given(pixels))[0][0];
  for (const auto& [column, pixel] :
       {std::pair{1, (16 + 3 * 200 + 3 * 40 + 8) / 8.0},
        std::pair{2, (40 + 3 * 8 + 3 * 120 + 80) / 8.0}}) {
    EXPECT_NEAR(half[1][column].item<double>(), (pixel / 255 - 0.1) / 0.5,
                1e-5);
  }
  const auto grey = given(torch::full({1, 1, 8, 8}, 100, torch::kByte));
  for (const int64_t size : {5, 13}) {
    const auto view =
        OtherView(given, {.normalise = own}, {size, size + 1})(grey);
    EXPECT_EQ(view.sizes(), (std::vector<int64_t>{1, 1, size, size + 1}));
    EXPECT_LT((view - (100 / 255.0 - 0.1) / 0.5).abs().max().item<double>(),
              1e-5);
  }
}

}  // namespace
}  // namespace skipzoo
