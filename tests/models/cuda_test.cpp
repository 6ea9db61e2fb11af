// The same networks on CUDA: what they compute is what the CPU computes.
// Skipped where there is no CUDA device.
#include <gtest/gtest.h>
#include <torch/cuda.h>
#include <torch/nn.h>

#include <algorithm>
#include <map>
#include <string>

#include "models/engine.h"
#include "models/zoo.h"
#include "tests/support/distance.h"
#include "tests/support/variants.h"
#include "tests/support/without_tf32.h"

namespace skipzoo {
namespace {

class Cuda : public testing::TestWithParam<Variant> {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
    torch::manual_seed(0);
  }
  static torch::Tensor images(int64_t n) {
    return torch::randn({n, in_channels(GetParam().options), 32, 32},
                        torch::kFloat64);
  }
  static std::shared_ptr<Classifier> in_double() {
    auto model = make_model(GetParam().options);
    model->to(torch::kFloat64);
    return model;
  }

  WithoutTf32 without_tf32_;
};

void expect_near(const torch::Tensor& a, const torch::Tensor& b, double bound,
                 const std::string& what) {
  ASSERT_EQ(a.sizes(), b.sizes()) << what;
  EXPECT_LE(distance(a.cpu(), b.cpu()),
            bound * std::max(b.norm().item<double>(), 1.0))
      << what;
}

/// Logits, gradients and buffers of one training step, by name.
std::map<std::string, torch::Tensor> training_step(Classifier& model,
                                                   const torch::Tensor& x) {
  std::map<std::string, torch::Tensor> results;
  results["logits"] = model.forward(x);
  const auto labels = torch::arange(x.size(0), torch::device(x.device()));
  torch::nn::functional::cross_entropy(results["logits"], labels).backward();
  for (const auto& parameter : model.named_parameters()) {
    results[parameter.key() + ".grad"] = parameter.value().grad();
  }
  for (const auto& buffer : model.named_buffers()) {
    results[buffer.key()] = buffer.value();
  }
  return results;
}

TEST_P(Cuda, ATrainingStepIsTheOneOfTheCpu) {
  if (const auto* dense = std::get_if<DenseNetOptions>(&GetParam().options);
      dense != nullptr && dense->drop_rate > 0) {
    GTEST_SKIP() << "a device draws random numbers of its own";
  }
  const auto model = in_double();
  const auto there = in_double();
  {
    torch::NoGradGuard no_grad;
    const auto from = state_dict(*model);
    const auto to = state_dict(*there);
    for (size_t i = 0; i < from.size(); ++i) to[i].second.copy_(from[i].second);
  }
  there->to(torch::kCUDA);
  const auto x = images(4);
  const auto expected = training_step(*model, x);
  for (const auto& [name, tensor] : training_step(*there, x.cuda())) {
    ASSERT_TRUE(tensor.is_cuda()) << name;
    expect_near(tensor, expected.at(name), 1e-9, name);
  }
}

TEST_P(Cuda, LogitsAreThoseOfTheCpuInEvalMode) {
  torch::NoGradGuard no_grad;
  const auto model = in_double();
  for (int step = 0; step < 3; ++step) model->forward(images(8));
  model->eval();
  const auto x = images(2);
  const auto expected = model->forward(x);
  model->to(torch::kCUDA);
  expect_near(model->forward(x.cuda()), expected, 1e-9, "logits");
  model->to(torch::kCPU);
  EXPECT_TRUE(torch::equal(model->forward(x), expected)) << "there and back";
}

TEST_P(Cuda, AnEngineGivesTheNetworksOwnLogits) {
  const auto model = make_model(GetParam().options);
  model->to(torch::kCUDA);
  const auto x = images(2).to(torch::kFloat).cuda();
  Engine engine(*model, Kernels::kFused);
  const auto logits = engine(x);
  EXPECT_TRUE(logits.is_cuda());
  model->eval();
  torch::NoGradGuard no_grad;
  expect_near(logits, model->forward(x), 1e-4, "logits");
}

INSTANTIATE_TEST_SUITE_P(Zoo, Cuda, testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipzoo
