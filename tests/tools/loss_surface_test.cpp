// The loss around a network's weights.

#include "tools/study/loss_surface.h"

#include <gtest/gtest.h>
#include <torch/nn.h>

#include <cmath>

#include "models/zoo.h"
#include "tests/support/temporary_folder.h"
#include "tools/weights/fit.h"

namespace skipzoo {
namespace {

TEST(LossSurface, DirectionsAreNormalisedFilterByFilter) {
  torch::manual_seed(3);
  const auto model = make_model(ResNetOptions{.depths = {1}, .widths = {4}});
  const auto direction = filter_normalised_direction(*model, 5);
  const auto parameters = model->named_parameters();
  ASSERT_EQ(direction.size(), parameters.size());
  for (size_t i = 0; i < parameters.size(); ++i) {
    const auto& weight = parameters[i].value();
    if (weight.dim() < 2) {
      EXPECT_EQ(direction[i].count_nonzero().item<int64_t>(), 0);
      continue;
    }
    for (int64_t filter = 0; filter < weight.size(0); ++filter) {
      const double norm = weight[filter].norm().item<double>();
      EXPECT_NEAR(direction[i][filter].norm().item<double>(), norm, 1e-5 * norm)
          << parameters[i].key();
      EXPECT_FALSE(torch::allclose(direction[i][filter], weight[filter]));
    }
  }
  EXPECT_TRUE(
      torch::equal(filter_normalised_direction(*model, 5)[0], direction[0]));
  EXPECT_FALSE(
      torch::equal(filter_normalised_direction(*model, 6)[0], direction[0]));
}

TEST(LossSurface, IsTheLossOfMovedWeightsAndLeavesThemToTheBit) {
  torch::manual_seed(3);
  const ResNetOptions options{.depths = {1, 1}, .widths = {4, 8}};
  const auto model = make_model(options);
  model->train();
  const ProbeBatch batch = {.images = torch::randn({6, 3, 8, 8}),
                            .targets = {torch::arange(6)}};
  const auto before = make_model(options);
  copy_exactly(state_dict(*model), *before);
  const auto surface =
      loss_surface(*model, batch, make_objective({}), /*points=*/5, /*seed=*/7);
  EXPECT_TRUE(model->is_training());
  const auto now = state_dict(*model), then = state_dict(*before);
  for (size_t i = 0; i < now.size(); ++i) {
    EXPECT_TRUE(torch::equal(now[i].second, then[i].second)) << now[i].first;
  }
  ASSERT_EQ(surface.loss.size(), 25u);
  EXPECT_EQ(surface.place(0), -1);
  EXPECT_EQ(surface.place(2), 0);
  const torch::NoGradGuard no_grad;
  const auto a = filter_normalised_direction(*before, 14);
  const auto b = filter_normalised_direction(*before, 15);
  before->eval();
  // At the weights themselves, then at first 0.5, second -1.
  const auto loss = [&] {
    return torch::nn::functional::cross_entropy(before->forward(batch.images),
                                                batch.targets.values)
        .item<double>();
  };
  EXPECT_NEAR(surface.at(2, 2), loss(), 1e-6);
  const auto weights = before->parameters();
  for (size_t i = 0; i < weights.size(); ++i) {
    weights[i].add_(a[i], 0.5).sub_(b[i]);
  }
  EXPECT_NEAR(surface.at(3, 0), loss(), 1e-5 * loss());
  EXPECT_NE(surface.at(3, 0), surface.at(0, 3));
}

TEST(LossSurface, ReadsBackAndIsKnownByItsPoints) {
  TemporaryFolder folder;
  const LossSurface surface{.points = 3,
                            .loss = {1, 2, 3, 4, 0.1, 6, 7, 8, INFINITY}};
  write_surface(folder / "surface.csv", surface);
  const auto again = read_surface(folder / "surface.csv", 3);
  EXPECT_EQ(again.loss, surface.loss);
  EXPECT_EQ(read_surface(folder / "surface.csv", 5).points, 0);
  EXPECT_EQ(read_surface(folder / "none.csv", 3).points, 0);
  EXPECT_TRUE(read_text(folder / "surface.csv")
                  .starts_with("first,second,loss\n-1,-1,1\n0,-1,2\n"));
}

}  // namespace
}  // namespace skipzoo
