// The engine on networks wired as none of the zoo is.

#include <gtest/gtest.h>

#include "models/engine.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"
#include "tests/support/joined.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

/// Factors on the channels of x, as of a squeeze-and-excitation block.
torch::Tensor gate_of(const torch::Tensor& x) {
  return torch::sigmoid(torch::adaptive_avg_pool2d(x, {1, 1}) * 5);
}

// As a residual block has one; beside other sums; and what only looks like one.
TEST(Engine, RunsAGateWithTheSumAndReluBehindItAsOneOperator) {
  using torch::Tensor;
  struct Wiring {
    const char* name;
    Joined::Join join;
    int gates;
  };
  const Wiring cases[] = {
      {"gate, sum, relu",
       [](const Tensor& x, const Tensor&, const Tensor& b) {
         return torch::relu(b * gate_of(b) + x);
       },
       1},
      {"factors first, sum from the left",
       [](const Tensor& x, const Tensor&, const Tensor& b) {
         return torch::relu(x + gate_of(b) * b);
       },
       1},
      {"relu alone",
       [](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::relu(b * gate_of(b));
       },
       1},
      {"alone, of an image each",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return b * gate_of(a.mean(1, true));
       },
       1},
      {"two in a sum",
       [](const Tensor&, const Tensor& a, const Tensor& b) {
         return a * gate_of(b) + b * gate_of(a);
       },
       2},
      {"a sum that is read again",
       [](const Tensor& x, const Tensor& a, const Tensor& b) {
         const auto gated = b * gate_of(b);
         return (gated + a) * (gated + x);
       },
       1},
      {"what it waits for is not written over",
       [](const Tensor& x, const Tensor& a, const Tensor& b) {
         const auto waits = a * gate_of(x);
         return torch::relu(b + a) - (waits + x);
       },
       1},
      {"no factors: a row of pixels",
       [](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::relu(b * b.mean(2, true) + b);
       },
       0}};
  for (const auto& [name, join, gates] : cases) {
    torch::manual_seed(5);
    Joined model(join);
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      Engine engine(model, Kernels::kFused, type);
      const auto images = torch::randn({3, 3, 9, 7});
      const auto expected = reference(model, images);
      engine(images);
      const Calls calls("skipzoo::batch_norm_relu");
      EXPECT_LE(
          distance(engine(images), expected),
          (type == at::kFloat ? 1e-5 : 2e-2) * expected.norm().item<double>())
          << name;
      EXPECT_EQ(calls.count(), gates) << name;
    }
  }
}

/// Made of what looks like the zoo's wiring and is not: norms without weights,
/// of two axes, shared; a transposed convolution; sums that broadcast.
struct Unusual : Classifier {
  Unusual() {
    const auto conv = [&](const char* name, int64_t in) {
      return register_module(
          name, torch::nn::Conv2d(
                    torch::nn::Conv2dOptions(in, 4, 3).padding(1).bias(false)));
    };
    first = conv("first", 3);
    again = conv("again", 4);
    scalar = conv("scalar", 4);
    mean = conv("mean", 4);
    place = conv("place", 4);
    up = register_module(
        "up", torch::nn::ConvTranspose2d(
                  torch::nn::ConvTranspose2dOptions(4, 4, 3).padding(1)));
    bare = register_module(
        "bare",
        torch::nn::BatchNorm2d(torch::nn::BatchNorm2dOptions(4).affine(false)));
    norm = register_module("norm", torch::nn::BatchNorm2d(4));
    up_norm = register_module("up_norm", torch::nn::BatchNorm2d(4));
    flat_norm = register_module("flat_norm", torch::nn::BatchNorm1d(4));
    fc = register_module("fc", torch::nn::Linear(4, 5));
    where = register_parameter("where", torch::randn({1, 4, 9, 7}));
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    auto x = torch::relu(bare(first(images)));
    x = torch::relu(norm(again(x)));
    x = torch::relu(norm(again(x)));
    x = torch::relu(up_norm(up(x)));
    x = torch::relu(scalar(x) + 0.5);
    x = torch::relu(mean(x) + x.mean({2, 3}, true));
    x = torch::relu(place(x) + where);
    return fc(torch::relu(flat_norm(x.mean({2, 3}))));
  }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  torch::nn::Conv2d first{nullptr}, again{nullptr}, scalar{nullptr},
      mean{nullptr}, place{nullptr};
  torch::nn::ConvTranspose2d up{nullptr};
  torch::nn::BatchNorm2d bare{nullptr}, norm{nullptr}, up_norm{nullptr};
  torch::nn::BatchNorm1d flat_norm{nullptr};
  torch::nn::Linear fc{nullptr};
  torch::Tensor where;
};

TEST(Engine, LeavesToLibTorchWhatItDoesNotKnow) {
  torch::manual_seed(6);
  Unusual model;
  const torch::NoGradGuard no_grad;
  for (const auto& buffer : model.named_buffers()) {
    if (buffer.key().ends_with("running_mean")) buffer.value().uniform_(-1, 1);
    if (buffer.key().ends_with("running_var")) buffer.value().uniform_(0.5, 2);
  }
  Engine engine(model, Kernels::kFused);
  for (const int64_t batch : {1, 3}) {
    const auto images = torch::randn({batch, 3, 9, 7});
    const auto expected = reference(model, images);
    EXPECT_LE(distance(engine(images), expected),
              1e-5 * expected.norm().item<double>())
        << batch;
  }
}

// A shortcut without parameters, and what is none.
TEST(Engine, PadsChannelsOfEverySecondPixel) {
  using torch::Tensor;
  struct Padded {
    Joined::Join join;
    int ours;
  };
  static constexpr auto thinned = [](const Tensor& x) {
    return x.slice(2, 0, INT64_MAX, 2).slice(3, 0, INT64_MAX, 2);
  };
  const Padded paddings[] = {
      {[](const Tensor&, const Tensor& a, const Tensor& b) {
         const auto wide =
             torch::constant_pad_nd(thinned(a), {0, 0, 0, 0, 1, 2});
         return torch::cat({wide, thinned(b)}, 1);
       },
       1},
      {[](const Tensor& images, const Tensor& a, const Tensor&) {
         const auto wide = torch::constant_pad_nd(images, {0, 0, 0, 0, 0, 4});
         return torch::cat({wide, a}, 1);
       },
       1},
      {[](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::constant_pad_nd(b, {0, 0, 0, 0, 1, 1}, 0.5);
       },
       0},
      {[](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::constant_pad_nd(b, {0, 0, 0, 0, -1, 1});
       },
       0},
      {[](const Tensor&, const Tensor&, const Tensor& b) {
         return torch::constant_pad_nd(b, {1, 0, 0, 0, 1, 1});
       },
       0}};
  for (const auto& [join, ours] : paddings) {
    torch::manual_seed(6);
    Joined model(join);
    for (const auto type : {at::kFloat, at::kBFloat16}) {
      Engine engine(model, Kernels::kFused, type);
      const auto x = torch::randn({2, 3, 7, 6});
      const auto expected = reference(model, x);
      const Calls calls("skipzoo::pad_channels");
      const auto found = engine(x);
      EXPECT_EQ(calls.count(), ours);
      ASSERT_EQ(found.sizes(), expected.sizes());
      EXPECT_LE(distance(found, expected), (type == at::kFloat ? 1e-5 : 2e-2) *
                                               expected.norm().item<double>());
    }
  }
}

}  // namespace
}  // namespace skipzoo
