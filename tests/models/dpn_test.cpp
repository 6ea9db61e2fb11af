#include "models/dpn.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <string>
#include <vector>

#include "models/zoo.h"
#include "tests/models/published.h"

namespace skipzoo {
namespace {

constexpr DualPathShape kInside{.in = 14, .inner = 8, .width = 8, .growth = 2};

DPNOptions grouped_by_two() { return {.groups = 2}; }

/// A path of 8 residual channels and 4 + 2 dense ones.
DualPath path_of(const torch::Tensor& x) {
  return {x.slice(1, 0, 8), {x.slice(1, 8, 12), x.slice(1, 12)}};
}

TEST(DualPath, IsReadResidualPathFirst) {
  const auto x = torch::randn({2, 14, 5, 5});
  EXPECT_TRUE(torch::equal(path_of(x).joined(), x));
}

// Chen et al. 2017, equations 4 to 7: the one path is added to, the other
// joined, and what was there before passes on unchanged.
TEST(DualPathBlock, AddsToOnePathAndJoinsTheOther) {
  torch::NoGradGuard no_grad;
  DualPathBlock block(kInside, grouped_by_two());
  const auto x = torch::randn({2, 14, 5, 5});
  const auto y = block(x, path_of(x));
  EXPECT_EQ(y.joined().sizes(), (std::vector<int64_t>{2, 16, 5, 5}));
  EXPECT_TRUE(torch::equal(y.dense.at(0), x.slice(1, 8, 12)));
  EXPECT_TRUE(torch::equal(y.dense.at(1), x.slice(1, 12)));
  block->c1x1_c->conv->weight.zero_();
  const auto silent = block(x, path_of(x));
  EXPECT_TRUE(torch::equal(silent.residual, x.slice(1, 0, 8)));
  EXPECT_EQ(silent.dense.at(2).abs().max().item<float>(), 0);
}

TEST(DualPathBlock, BeginsBothPathsWhereAStageOpens) {
  auto shape = kInside;
  shape.stride = 2;
  shape.opens_stage = true;
  DualPathBlock block(shape, grouped_by_two());
  const auto y = block(torch::randn({2, 14, 5, 7}), DualPath{});
  EXPECT_EQ(y.residual.sizes(), (std::vector<int64_t>{2, 8, 3, 4}));
  // Twice the growth to begin with, and the block's own.
  EXPECT_EQ(y.joined().sizes(), (std::vector<int64_t>{2, 8 + 3 * 2, 3, 4}));
}

TEST(DPN, RefusesWhatContradictsItself) {
  const auto problem_of = [](const DPNOptions& options) {
    Problems problems;
    options.validate(problems);
    return problems.empty() ? "" : problems.front();
  };
  EXPECT_EQ(problem_of({}), "");
  EXPECT_EQ(problem_of({.depths = {1, 1}}),
            "depths has 2 entries, widths 3 and growth_rates 3; give one of "
            "each per stage");
  EXPECT_EQ(problem_of({.groups = 5}),
            "stage 1's 3x3 has 32 channels (bottleneck_width times width over "
            "the first width), which groups: 5 does not divide");
  EXPECT_EQ(problem_of({.stem = Stem::kImageNet, .stem_kernel = 4}),
            "stem_kernel is 4; an odd side, 3 or 7, has a middle");
}

class PublishedDPN : public testing::TestWithParam<Published> {};

TEST_P(PublishedDPN, HasItsPublishedCounts) {
  expect_published_counts(GetParam());
}

// timm's: 12.61 and 37.67 million.
INSTANTIATE_TEST_SUITE_P(
    Networks, PublishedDPN,
    testing::Values(Published{"dpn68", dpn68(), 12'611'602, 433},
                    Published{"dpn68b", dpn68(true), 12'611'602, 455},
                    Published{"dpn92", dpn92(), 37'668'392, 577}),
    [](const auto& test) { return std::string(test.param.name); });

}  // namespace
}  // namespace skipzoo
