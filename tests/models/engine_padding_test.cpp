// The engine on convolutions with padding of their own before them.

#include <gtest/gtest.h>

#include "models/engine.h"
#include "models/kernels/simd/processor.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

/// Two convolutions of 32 channels, the second padded by `zeros` (left, right,
/// top, bottom) and at a stride.
struct Padding : Classifier {
  Padding(std::vector<int64_t> zeros_, int64_t stride, bool adds_)
      : zeros(std::move(zeros_)), adds(adds_) {
    first = register_module(
        "first",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(3, 32, 3).padding(1)));
    second = register_module(
        "second",
        torch::nn::Conv2d(torch::nn::Conv2dOptions(32, 32, 3).stride(stride)));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const auto x = torch::relu(first(images));
    const auto y = second(at::constant_pad_nd(x, zeros));
    return torch::relu(adds ? y + x : y).flatten(1);
  }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  std::vector<int64_t> zeros;
  bool adds;
  torch::nn::Conv2d first{nullptr}, second{nullptr};
};

struct Case {
  std::vector<int64_t> zeros;
  int64_t stride;
  bool adds;   ///< What is padded is added to the result.
  bool fused;  ///< Of many images.
  bool small;  ///< Whether one is taken by a kernel for little work.
  std::vector<int64_t> size = {10, 8};
};

TEST(Engine, PadsWithinTheConvolution) {
  const Case cases[] = {{{0, 1, 0, 1}, 2, false, true, true},
                        {{1, 0, 0, 1}, 2, false, true, true},
                        {{1, 1, 1, 1}, 2, false, true, true},
                        {{2, 0, 1, 3}, 2, false, true, false},
                        // Written over only after it was read.
                        {{1, 1, 1, 1}, 1, true, false, true},
                        // The same by products of many images.
                        {{1, 1, 1, 1}, 1, true, true, true, {4, 3}},
                        // Cut off instead.
                        {{-1, 1, 0, 0}, 2, false, true, true}};
  for (const auto& c : cases) {
    torch::manual_seed(4);
    Padding model(c.zeros, c.stride, c.adds);
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      Engine engine(model, Kernels::kFused, type);
      // A plan of one size takes few images and many, in either order.
      for (const int64_t images : {1, 37, 3}) {
        const auto x = torch::randn({images, 3, c.size[0], c.size[1]});
        const auto expected = reference(model, x);
        torch::Tensor found;
        const auto runs = [&](const char* name) {
          const Calls calls(name);
          found = engine(x);
          return calls.count();
        };
        const bool is_ours = type == at::kFloat || has_avx512_bf16();
        const bool many = images > 32 && is_ours;
        const bool one = images == 1 && is_ours;
        EXPECT_EQ(runs("skipzoo::implicit_gemm_convolution") > 0,
                  c.fused && many && has_avx2())
            << images << " images";
        ASSERT_EQ(found.sizes(), expected.sizes());
        EXPECT_LE(
            distance(found, expected),
            (type == at::kFloat ? 1e-5 : 2e-2) * expected.norm().item<double>())
            << images << " images";
        // The first is one too, of an even border.
        const auto of_one = [&] {
          return runs("skipzoo::convolution3x3") +
                 runs("skipzoo::im2col_convolution");
        };
        EXPECT_TRUE(!one || of_one() == (c.small ? 2 : 1));
      }
    }
  }
}

}  // namespace
}  // namespace skipzoo
