#include "tests/models/cuda_norm_case.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/support/distance.h"

namespace skipzoo {

std::string NormCase::name() const {
  std::string all = c10::toString(type);
  for (const auto size : shape) all += "_" + std::to_string(size);
  return all + (relu ? "_relu" : "") + (residual ? "_residual" : "") +
         (training ? "_train" : "_eval");
}

namespace {

torch::nn::BatchNorm2d norm_of(const NormCase& c, at::ScalarType type) {
  const torch::NoGradGuard no_grad;
  torch::nn::BatchNorm2d norm(c.shape[1]);
  norm->weight.uniform_(-1, 2);
  norm->bias.normal_();
  norm->running_mean.normal_(c.mean);
  norm->running_var.uniform_(0.5, 2);
  norm->to(type);
  // Module::to(type) takes the count of batches along.
  norm->num_batches_tracked = torch::zeros({}, torch::kLong);
  norm->train(c.training);
  return norm;
}

}  // namespace

NormOutcome outcome_of(const NormCase& c, torch::Device device, bool in_double,
                       const NormWay& way) {
  torch::manual_seed(1);
  const auto type = in_double ? at::kDouble : c.type;
  const auto random = [&](double mean) {
    return (torch::randn(c.shape, torch::kDouble) + mean).to(c.type);
  };
  const auto leaf = [&](const torch::Tensor& numbers) {
    return numbers.to(device, type)
        .contiguous(at::MemoryFormat::ChannelsLast)
        .requires_grad_();
  };
  const auto weights = random(0);
  auto x = leaf(random(c.mean));
  auto residual = c.residual ? leaf(random(0)) : torch::Tensor();
  auto norm = norm_of(c, type == at::kDouble ? at::kDouble : at::kFloat);
  norm->to(device);
  const auto y = way(x, norm, {.residual = residual, .relu = c.relu});
  // As many as there are results: pooling leaves fewer.
  y.backward(weights.narrow(2, 0, y.size(2))
                 .narrow(3, 0, y.size(3))
                 .to(device, type)
                 .contiguous(at::MemoryFormat::ChannelsLast));
  NormOutcome all{{"y", y.detach()},
                  {"dx", x.grad()},
                  {"dweight", norm->weight.grad()},
                  {"dbias", norm->bias.grad()},
                  {"running_mean", norm->running_mean},
                  {"running_var", norm->running_var},
                  {"num_batches_tracked", norm->num_batches_tracked}};
  if (c.residual) all.emplace_back("dresidual", residual.grad());
  return all;
}

NormOutcome true_outcome(const NormCase& c) {
  return outcome_of(c, torch::kCPU, /*in_double=*/true,
                    [](const auto& x, auto& norm, const auto& epilogue) {
                      return batch_norm(x, norm, epilogue, Kernels::kReference);
                    });
}

void expect_true(const NormCase& c, const NormOutcome& found,
                 const NormOutcome& truth) {
  ASSERT_EQ(found.size(), truth.size());
  for (size_t i = 0; i < found.size(); ++i) {
    const auto& [name, tensor] = found[i];
    const auto& expected = truth[i].second;
    ASSERT_EQ(tensor.sizes(), expected.sizes()) << name;
    // What is written in 16 bits is rounded, sums and statistics are not.
    const bool rounded = tensor.scalar_type() == c.type;
    const double bound = c.type == at::kDouble              ? 1e-12
                         : !rounded || c.type == at::kFloat ? 1e-5
                         : c.type == at::kBFloat16          ? 3e-3
                                                            : 4e-4;
    const double size =
        std::max(expected.to(torch::kDouble).norm().item<double>(), 1.0);
    EXPECT_LE(distance(tensor.cpu(), expected), bound * size)
        << c.name() << ": " << name;
  }
}

}  // namespace skipzoo
