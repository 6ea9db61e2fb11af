// The engine on dual paths, whose sums are written over what they are added to,
// and on what only looks like them.

#include <gtest/gtest.h>

#include "models/engine.h"
#include "tests/support/calls.h"
#include "tests/support/distance.h"
#include "tests/support/reference.h"

namespace skipzoo {
namespace {

using torch::Tensor;
namespace nn = torch::nn;

constexpr int64_t kResidual = 4, kGrowth = 3, kBlocks = 3;

/// What a dual path network has, wired by a function.
struct Paths : Classifier {
  using Wire = Tensor (*)(Paths& parts, const Tensor& images);
  explicit Paths(Wire wire_) : wire(wire_) {
    const auto conv = [](int64_t in, int64_t out, int64_t side,
                         bool bias = false) {
      return nn::Conv2d(
          nn::Conv2dOptions(in, out, side).padding(side / 2).bias(bias));
    };
    constexpr int64_t kOut = kResidual + kGrowth;
    begin = register_module("begin", conv(3, kOut, 3));
    other = register_module("other", conv(3, kOut, 1));
    for (int64_t i = 0; i < kBlocks; ++i) {
      const int64_t width = kResidual + (i + 2) * kGrowth;
      const auto number = std::to_string(i);
      norms.push_back(register_module("norm" + number, nn::BatchNorm2d(width)));
      down.push_back(register_module("down" + number, conv(width, 5, 1)));
      middle.push_back(register_module("middle" + number, conv(5, 5, 3)));
      up.push_back(
          register_module("up" + number, conv(5, kOut, 1, /*bias=*/i > 0)));
    }
  }
  Tensor forward(const Tensor& images) override { return wire(*this, images); }
  Kernels kernels() const override { return Kernels::kFused; }
  std::string head_name() const override { return ""; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }

  /// What block i makes of all channels so far.
  Tensor block(size_t i, const Tensor& joined) {
    return up[i](torch::relu(
        middle[i](torch::relu(down[i](torch::relu(norms[i](joined)))))));
  }

  Wire wire;
  nn::Conv2d begin{nullptr}, other{nullptr};
  std::vector<nn::BatchNorm2d> norms;
  std::vector<nn::Conv2d> down, middle, up;
};

Tensor residual_part(const Tensor& y) { return y.slice(1, 0, kResidual); }
Tensor joined_part(const Tensor& y) { return y.slice(1, kResidual); }

Tensor join(const Tensor& residual, const std::vector<Tensor>& joined) {
  std::vector<Tensor> all = {residual};
  all.insert(all.end(), joined.begin(), joined.end());
  return torch::cat(all, 1);
}

Tensor features(const Tensor& images) {
  return torch::relu(images).mean({2, 3});
}

/// A network of dual paths: at(i, residual, all channels) sees what each block
/// reads, and then what is there in the end.
template <typename At>
Tensor dual_paths(Paths& parts, const Tensor& images, const At& at) {
  const auto begun = parts.begin(images), other = parts.other(images);
  Tensor residual = residual_part(begun) + residual_part(other);
  std::vector<Tensor> joined = {joined_part(begun), joined_part(other)};
  for (int64_t i = 0; i < kBlocks; ++i) {
    const auto all = join(residual, joined);
    at(i, residual, all);
    const auto y = parts.block(static_cast<size_t>(i), all);
    residual = residual + residual_part(y);
    joined.push_back(joined_part(y));
  }
  const auto all = join(residual, joined);
  at(kBlocks, residual, all);
  return features(all);
}

void expect_equals_the_reference(const char* name, Paths::Wire wire) {
  torch::manual_seed(5);
  Paths model(wire);
  {
    const torch::NoGradGuard no_grad;
    for (auto& norm : model.norms) {
      norm->running_mean.uniform_(-1, 1);
      norm->bias.uniform_(-1, 1);
    }
  }
  Engine engine(model, Kernels::kFused);
  for (const int64_t batch : {2, 1, 2}) {
    const auto images = torch::randn({batch, 3, 9, 7});
    const auto expected = reference(model, images);
    const auto found = engine(images);
    ASSERT_EQ(found.sizes(), expected.sizes()) << name;
    EXPECT_LE(distance(found, expected), 1e-5 * expected.norm().item<double>())
        << name << ", " << batch;
  }
}

Tensor plain(Paths& parts, const Tensor& images) {
  return dual_paths(parts, images,
                    [](int64_t, const Tensor&, const Tensor&) {});
}

TEST(Engine, AddsToAResidualPathWhereItLies) {
  expect_equals_the_reference("plain", plain);
  Paths model(plain);
  Engine engine(model, Kernels::kFused);
  const auto images = torch::randn({2, 3, 9, 7});
  engine(images);
  for (const auto& [name, expected] : {std::pair{"aten::cat", 0},
                                       {"aten::add", 1},
                                       {"skipzoo::convolution1x1", kBlocks}}) {
    const Calls calls(name);
    engine(images);
    // The sum is what the residual path begins with; the convolutions are those
    // of both paths.
    EXPECT_EQ(Calls::count(), expected) << name;
  }
}

TEST(Engine, LeavesAPathThatIsReadLaterAsItIs) {
  const std::pair<const char*, Paths::Wire> wires[] = {
      {"the residual",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end =
             dual_paths(parts, images,
                        [&](int64_t i, const Tensor& residual, const Tensor&) {
                          if (i == 1) kept = residual;
                        });
         return torch::cat({end, features(kept)}, 1);
       }},
      {"all channels",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end = dual_paths(
             parts, images, [&](int64_t i, const Tensor&, const Tensor& all) {
               if (i == 1) kept = all;
             });
         return torch::cat({end, features(kept)}, 1);
       }},
      {"a norm of all channels",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end = dual_paths(
             parts, images, [&](int64_t i, const Tensor&, const Tensor& all) {
               if (i == 0) {
                 kept = torch::relu(parts.norms[0](all));
               }
             });
         return torch::cat({end, features(parts.down[0](kept))}, 1);
       }},
      {"a view",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end = dual_paths(
             parts, images, [&](int64_t i, const Tensor&, const Tensor& all) {
               if (i == 1) kept = all.slice(1, 1, 3);
             });
         return torch::cat({end, features(kept)}, 1);
       }},
      {"before the sum, by another",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end =
             dual_paths(parts, images,
                        [&](int64_t i, const Tensor& residual, const Tensor&) {
                          if (i == 1) kept = residual + 1;
                        });
         return torch::cat({end, features(kept)}, 1);
       }},
      {"the result",
       [](Paths& parts, const Tensor& images) {
         Tensor kept;
         const auto end =
             dual_paths(parts, images,
                        [&](int64_t i, const Tensor& residual, const Tensor&) {
                          if (i == kBlocks) kept = residual;
                        });
         return torch::cat({end, features(kept)}, 1);
       }},
  };
  for (const auto& [name, wire] : wires) {
    expect_equals_the_reference(name, wire);
  }
}

/// One block behind what the paths begin with; end: given what it reads, what
/// it makes of that.
template <typename End>
Tensor one_block(Paths& parts, const Tensor& images, const End& end) {
  const auto begun = parts.begin(images), other = parts.other(images);
  const Tensor residual = residual_part(begun) + residual_part(other);
  const std::vector<Tensor> joined = {joined_part(begun), joined_part(other)};
  const auto y = parts.block(0, join(residual, joined));
  return features(end(residual, joined, y));
}

Tensor join(const Tensor& residual, std::vector<Tensor> joined,
            const Tensor& more) {
  joined.push_back(more);
  return join(residual, joined);
}

TEST(Engine, TakesWhatOnlyLooksLikeADualPath) {
  using Parts = std::vector<Tensor>;
  const std::pair<const char*, Paths::Wire> wires[] = {
      {"the residual twice",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(r + r, d, joined_part(y));
                          });
       }},
      {"a part that is read twice",
       [](Paths& parts, const Tensor& images) {
         return one_block(
             parts, images,
             [](const Tensor& r, const Parts& d, const Tensor& y) {
               const auto part = residual_part(y);
               return torch::cat(
                   {join(r + part, d, joined_part(y)), torch::relu(part)}, 1);
             });
       }},
      {"new channels that are read alone",
       [](Paths& parts, const Tensor& images) {
         return one_block(
             parts, images,
             [](const Tensor& r, const Parts& d, const Tensor& y) {
               const auto part = joined_part(y);
               return torch::cat(
                   {join(r + residual_part(y), d, part), torch::sigmoid(part)},
                   1);
             });
       }},
      {"channels left out",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(r + residual_part(y), d,
                                        y.slice(1, kResidual + 1));
                          });
       }},
      {"channels on both sides",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(r + residual_part(y), d,
                                        y.slice(1, kResidual - 1));
                          });
       }},
      {"every second channel",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(r + y.slice(1, 0, 7, 2), d,
                                        joined_part(y));
                          });
       }},
      {"rows instead of channels",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(r + residual_part(y), d,
                                        y.slice(2, 0, 9));
                          });
       }},
      {"a factor",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            return join(torch::add(r, residual_part(y), 2), d,
                                        joined_part(y));
                          });
       }},
      {"other channels first",
       [](Paths& parts, const Tensor& images) {
         return one_block(
             parts, images,
             [](const Tensor& r, const Parts& d, const Tensor& y) {
               return torch::cat(
                   {joined_part(y), d[1], d[0], r + residual_part(y)}, 1);
             });
       }},
      {"new channels that are joined before the sum",
       [](Paths& parts, const Tensor& images) {
         const auto begun = parts.begin(images), other = parts.other(images);
         const auto r = residual_part(begun) + residual_part(other);
         const Parts d = {joined_part(begun), joined_part(other)};
         const auto y = parts.block(0, join(r, d));
         const auto part = joined_part(y);
         const auto early = parts.down[1](join(r, d, part));
         const auto sum = r + residual_part(y);
         return torch::cat({features(join(sum, d, part)), features(early)}, 1);
       }},
      {"the new channels first",
       [](Paths& parts, const Tensor& images) {
         return one_block(parts, images,
                          [](const Tensor& r, const Parts& d, const Tensor& y) {
                            const auto part = joined_part(y);
                            return join(r + residual_part(y), d, part);
                          });
       }},
      {"two sums of one residual",
       [](Paths& parts, const Tensor& images) {
         return one_block(
             parts, images,
             [](const Tensor& r, const Parts& d, const Tensor& y) {
               const auto one = join(r + residual_part(y), d, joined_part(y));
               const auto two = join(r + y.slice(1, 1, kResidual + 1), d);
               return torch::cat({one, torch::relu(two)}, 1);
             });
       }},
  };
  for (const auto& [name, wire] : wires) {
    expect_equals_the_reference(name, wire);
  }
}

}  // namespace
}  // namespace skipzoo
