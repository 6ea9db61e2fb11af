// The engine on concatenations: which share a buffer, and which must not.

#include <gtest/gtest.h>

#include "models/engine.h"
#include "tests/support/distance.h"
#include "tests/support/joined.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

torch::Tensor mean_of_2x2(const torch::Tensor& x) {
  return torch::avg_pool2d(x, 2, 2, /*padding=*/0, /*ceil_mode=*/true,
                           /*count_include_pad=*/false);
}

TEST(Engine, JoinsWhateverIsJoined) {
  using torch::Tensor;
  const std::pair<const char*, Joined::Join> joins[] = {
      {"a block",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return torch::cat({a, b}, 1);
       }},
      {"twice a part",
       [](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::cat({b, b}, 1);
       }},
      {"another axis",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return torch::cat({a, b}, 2);
       }},
      {"images first",
       [](const Tensor& images, const Tensor&, const Tensor& b) {
         return torch::cat({images, b}, 1);
       }},
      {"one that begins with another",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return torch::cat({torch::cat({a, b}, 1), torch::relu(b)}, 1);
       }},
      {"one within another",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return torch::cat({a, torch::cat({b, torch::relu(a)}, 1)}, 1);
       }},
      {"images last",
       [](const Tensor& images, const Tensor&, const Tensor& b) {
         return torch::cat({b, images}, 1);
       }},
      {"means",
       [](const Tensor& images, const Tensor& a, const Tensor& b) {
         const auto joined = mean_of_2x2(torch::cat({images, a}, 1));
         return torch::cat({joined, mean_of_2x2(b)}, 1);
       }},
      {"means that are read alone as well",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         const auto of_a = mean_of_2x2(a), of_b = mean_of_2x2(b);
         return torch::cat({of_a, of_b, torch::relu(of_b) + of_a}, 1);
       }},
      {"means of other windows",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         const auto of_3x3 = torch::avg_pool2d(a, 3, 2, /*padding=*/1);
         const auto third = torch::avg_pool2d(
             b, 2, 2, /*padding=*/0, /*ceil_mode=*/true,
             /*count_include_pad=*/true, /*divisor_override=*/3);
         return torch::cat({of_3x3, third}, 1);
       }},
      {"a mean of one part",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return mean_of_2x2(b) + mean_of_2x2(a);
       }}};
  for (const auto& [name, join] : joins) {
    torch::manual_seed(5);
    Joined model(join);
    Engine engine(model, Kernels::kFused);
    // The first run allocates, the second has its results in one arena.
    for (const int64_t count : {2, 2, 2, 3}) {
      const auto images = torch::randn({count, 3, 9, 7});
      const auto expected = reference(model, images);
      const auto found = engine(images);
      ASSERT_EQ(found.sizes(), expected.sizes()) << name;
      EXPECT_LE(distance(found, expected),
                1e-5 * expected.norm().item<double>())
          << name;
    }
  }
}

/// Concatenates as no network of the zoo does: parts twice, parts read alone,
/// images, and other axes.
struct Tangled : Classifier {
  explicit Tangled() {
    for (const auto& [name, in] :
         {std::pair{"a", 3}, {"b", 4}, {"c", 8}, {"d", 12}}) {
      convolutions.push_back(register_module(
          name,
          torch::nn::Conv2d(
              torch::nn::Conv2dOptions(in, 4, 3).padding(1).bias(false))));
    }
    norm = register_module("norm", torch::nn::BatchNorm2d(8));
    fc = register_module("fc", torch::nn::Linear(31, 5));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const auto a = convolutions[0](images);
    const auto b = convolutions[1](torch::relu(a));
    const auto ab = torch::cat({a, b}, 1);
    const auto c = convolutions[2](torch::relu(norm(ab)));
    const auto d = convolutions[3](torch::cat({a, b, c}, 1));
    const auto tall = torch::cat({c, c}, 2).mean(2, true) + b;
    const auto all = torch::cat({images, d, d, tall, b * c, ab, a}, 1);
    return fc(all.mean({2, 3}));
  }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  std::vector<torch::nn::Conv2d> convolutions;
  torch::nn::BatchNorm2d norm{nullptr};
  torch::nn::Linear fc{nullptr};
};

TEST(Engine, TakesConcatenationsThatAreNoDenseBlock) {
  torch::manual_seed(5);
  Tangled model;
  model.norm->running_mean.uniform_(-1, 1);
  Engine engine(model, Kernels::kFused);
  const auto images = torch::randn({2, 3, 9, 7});
  const auto expected = reference(model, images);
  for (int run = 0; run < 2; ++run) {
    EXPECT_LE(distance(engine(images), expected),
              1e-5 * expected.norm().item<double>());
  }
}

}  // namespace
}  // namespace skipzoo
