// Buffers that layers share.

#include "models/kernels/blocking/scratch_pool.h"

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include <memory>
#include <vector>

#include "models/kernels/algorithms/panel_convolution.h"
#include "models/kernels/algorithms/small_convolution.h"
#include "tests/support/distance.h"

namespace skipzoo {
namespace {

TEST(ScratchPool, HasOneBufferOfAShapeAndTypeWhileItIsUsed) {
  ScratchPool pool;
  int made = 0;
  const auto make = [&] { return std::vector<int>(3, ++made); };
  auto one = pool.get<std::vector<int>>({1, 2}, make);
  EXPECT_EQ(pool.get<std::vector<int>>({1, 2}, make), one);
  EXPECT_NE(pool.get<std::vector<int>>({2, 1}, make), one);
  pool.get<std::vector<double>>({1, 2}, [] { return std::vector<double>(); });
  EXPECT_EQ(pool.get<std::vector<int>>({1, 2}, make)->front(), 1);
  one.reset();
  EXPECT_GT(pool.get<std::vector<int>>({1, 2}, make)->front(), 1);
}

/// Layers whose buffers are alike in all but what one of them leaves there.
template <typename Convolution>
void expect_layers_to_keep_apart() {
  struct Layer {
    int64_t in, stride;
    ExtraPadding padding;
    int64_t side;
  };
  const Layer layers[] = {{16, 1, {1, 1, 1, 1}, 8}, {9, 1, {1, 1, 1, 1}, 8},
                          {33, 1, {1, 1, 1, 1}, 8}, {16, 1, {1, 1, 1, 1}, 8},
                          {10, 1, {1, 1, 1, 1}, 8}, {16, 2, {0, 0, 1, 1}, 8},
                          {16, 2, {1, 1, 0, 0}, 8}, {16, 2, {1, 1, 1, 1}, 9},
                          {3, 2, {0, 0, 0, 0}, 9}};
  torch::manual_seed(3);
  const auto scratch = std::make_shared<ScratchPool>();
  for (const auto type : {at::kFloat, at::kBFloat16}) {
    std::vector<std::unique_ptr<Convolution>> all;
    std::vector<torch::Tensor> weights;
    for (const auto& layer : layers) {
      weights.push_back(torch::randn({12, layer.in, 3, 3}, type));
      all.push_back(
          std::make_unique<Convolution>(weights.back(), torch::zeros({12}),
                                        layer.stride, layer.padding, scratch));
    }
    for (int run = 0; run < 2; ++run) {
      for (size_t i = 0; i < all.size(); ++i) {
        const auto& [in, stride, padding, side] = layers[i];
        const auto x = torch::randn({1, in, side, side})
                           .to(type)
                           .contiguous(at::MemoryFormat::ChannelsLast);
        const auto plain =
            torch::conv2d(padded(x, padding).to(torch::kDouble),
                          weights[i].to(torch::kDouble),
                          torch::zeros({12}, torch::kDouble), stride);
        EXPECT_LE(distance((*all[i])(x, /*relu=*/false), plain),
                  (type == at::kFloat ? 1e-5 : 4e-3) *
                      plain.norm().template item<double>())
            << "layer " << i;
      }
    }
  }
}

TEST(ScratchPool, KeepsSmallConvolutionsApart) {
  expect_layers_to_keep_apart<SmallConvolution>();
}
TEST(ScratchPool, KeepsConvolutionsByPanelsApart) {
  expect_layers_to_keep_apart<PanelConvolution>();
}

}  // namespace
}  // namespace skipzoo
