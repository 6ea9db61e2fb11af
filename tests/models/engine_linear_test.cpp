// The engine's products with a weight, as heads of networks are.

#include <gtest/gtest.h>

#include "models/engine.h"
#include "models/kernels/simd/processor.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

/// Images as rows of their numbers, a product, and what `end` makes of it.
struct Headed : Classifier {
  using End = torch::Tensor (*)(const torch::Tensor& x,
                                const torch::Tensor& weight,
                                const torch::Tensor& bias);
  Headed(int64_t in, int64_t out, End end_) : end(end_) {
    weight = register_parameter("weight", torch::randn({out, in}));
    bias = register_parameter("bias", torch::randn({out}));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    return end(images.flatten(1), weight, bias);
  }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  End end;
  torch::Tensor weight, bias;
};

torch::Tensor product(const torch::Tensor& x, const torch::Tensor& weight,
                      const torch::Tensor& bias) {
  return torch::addmm(bias, x, weight.t());
}

/// Runs it twice, and counts how often im2col does the product.
int runs_by_im2col(Headed& model, const torch::Tensor& images,
                   at::ScalarType type = at::kFloat) {
  const auto expected = reference(model, images);
  Engine engine(model, Kernels::kFused, type);
  const Calls calls("skipzoo::im2col_convolution");
  for (int run = 0; run < 2; ++run) {
    const auto found = engine(images);
    EXPECT_EQ(found.sizes(), expected.sizes());
    EXPECT_LE(distance(found, expected), (type == at::kFloat ? 1e-5 : 2e-2) *
                                             expected.norm().item<double>());
  }
  return calls.count();
}

TEST(Engine, MultipliesFewImagesWithAWeightItself) {
  torch::manual_seed(8);
  for (const int64_t out : {1, 5, 16, 37}) {
    Headed model(3 * 4 * 5, out, product);
    for (const int64_t images : {1, 2, 7}) {
      EXPECT_EQ(runs_by_im2col(model, torch::randn({images, 3, 4, 5})), 2);
    }
  }
  Headed wide(64 * 16, 512, product);
  EXPECT_EQ(runs_by_im2col(wide, torch::randn({1, 64, 4, 4})), 2);
  EXPECT_EQ(runs_by_im2col(wide, torch::randn({400, 64, 4, 4})), 0);
  for (const int64_t features : {12, 15}) {
    Headed model(features, 5, product);
    EXPECT_EQ(runs_by_im2col(model, torch::randn({3, features / 3, 3, 1}),
                             at::kBFloat16),
              has_avx512_bf16() ? 2 : 0);
  }
}

TEST(Engine, LeavesOtherProductsToLibTorch) {
  using torch::Tensor;
  torch::manual_seed(9);
  const auto images = torch::randn({2, 3, 2, 2});
  const Headed::End others[] = {
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return torch::addmm(bias, x, weight.t(), /*beta=*/2);
      },
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return torch::addmm(bias, x, weight.t(), 1, /*alpha=*/0.5);
      },
      [](const Tensor& x, const Tensor& weight, const Tensor&) {
        return torch::mm(x, weight.t());
      },
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return torch::addmm(bias.sum(), x, weight.t());
      },
      [](const Tensor& x, const Tensor& weight, const Tensor& bias) {
        return torch::addmm(torch::mm(x, weight.t()), x, weight.t()) + bias;
      }};
  for (const auto end : others) {
    Headed other(12, 4, end);
    EXPECT_EQ(runs_by_im2col(other, images), 0);
  }
}

}  // namespace
}  // namespace skipzoo
