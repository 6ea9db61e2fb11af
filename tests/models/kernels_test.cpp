// Each operator of models/kernels/ against the reference kernels, forward and
// backward.

#include <ATen/Parallel.h>
#include <gtest/gtest.h>

#include "models/kernels/ops/batch_norm.h"
#include "models/zoo.h"
#include "tests/support/distance.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

namespace nn = torch::nn;

struct Case {
  std::vector<int64_t> shape;
  at::ScalarType type;
  bool training;
  bool residual;
  bool relu = true;
  int64_t gates = 0;     ///< Of each image; 0 for none, else 1 or channels.
  bool gate_of = false;  ///< Whether one is made of norm(x)'s means.
};

std::string name_of_case(const testing::TestParamInfo<Case>& info) {
  const auto& c = info.param;
  std::string name = c10::toString(c.type);
  for (const auto size : c.shape) name += "_" + std::to_string(size);
  return name + (c.training ? "_train" : "_eval") +
         (c.residual ? "_residual" : "") + (c.relu ? "" : "_linear") +
         (c.gates == 0   ? ""
          : c.gates == 1 ? "_gate_an_image"
                         : "_gates") +
         (c.gate_of ? "_gate_of_means" : "");
}

/// Odd sizes, one image, one channel, one pixel an image, channels that are no
/// multiple of a vector, and more pixels than a block has.
std::vector<Case> cases() {
  std::vector<Case> all;
  for (const auto& shape : std::vector<std::vector<int64_t>>{{4, 16, 8, 8},
                                                             {2, 3, 5, 7},
                                                             {1, 41, 3, 3},
                                                             {3, 1, 4, 5},
                                                             {5, 40, 1, 1},
                                                             {2, 16, 48, 33},
                                                             {2, 300, 9, 7}}) {
    for (const auto type : {at::kDouble, at::kFloat, at::kBFloat16}) {
      for (const bool training : {true, false}) {
        for (const bool residual : {true, false}) {
          all.push_back({shape, type, training, residual});
          all.push_back({shape, type, training, residual, /*relu=*/false});
          // Of its own, and with one of stochastic depth.
          all.push_back({shape, type, training, residual, /*relu=*/residual,
                         /*gates=*/training ? 1 : 0, /*gate_of=*/true});
          if (shape[2] == 9) continue;  // Large enough, and gated below.
          for (const int64_t gates : {int64_t{1}, shape[1]}) {
            if (gates == 1 && shape[1] == 1) continue;
            const bool relu = (gates == 1) == training;
            all.push_back({shape, type, training, residual, relu, gates});
          }
        }
      }
    }
  }
  return all;
}

/// Everything that one way of computing gives.
struct Outcome {
  std::vector<std::pair<const char*, torch::Tensor>> tensors;
};

/// compute: the type to compute in; the numbers are those of the case's type.
Outcome run(const Case& c, Kernels kernels, at::ScalarType compute) {
  torch::manual_seed(1);
  const auto random = [&](const std::vector<int64_t>& shape, double mean) {
    return (torch::randn(shape, torch::kDouble) + mean)
        .to(c.type)
        .to(compute)
        .contiguous(at::MemoryFormat::ChannelsLast)
        .requires_grad_();
  };
  nn::BatchNorm2d norm(c.shape[1]);
  norm->to(torch::kFloat);
  {
    const torch::NoGradGuard no_grad;
    norm->weight.uniform_(-1, 2);
    norm->bias.normal_();
    norm->running_mean.normal_();
    norm->running_var.uniform_(0.5, 2);
  }
  norm->to(compute == at::kDouble ? at::kDouble : at::kFloat);
  norm->train(c.training);
  auto x = random(c.shape, 3);  // Away from zero: the squares must not cancel.
  auto residual = c.residual ? random(c.shape, 0) : torch::Tensor();
  auto gate =
      c.gates == 0 ? torch::Tensor() : random({c.shape[0], c.gates, 1, 1}, 0.5);
  // Each channel's factor is made of another channel.
  auto mixed = random({1, c.shape[1], 1, 1}, 0);
  Epilogue epilogue{.gate = gate, .residual = residual, .relu = c.relu};
  if (c.gate_of) {
    epilogue.gate_of = [&](const torch::Tensor& means) {
      EXPECT_EQ(means.sizes(),
                (std::vector<int64_t>{c.shape[0], c.shape[1], 1, 1}));
      EXPECT_EQ(means.scalar_type(), compute);
      return torch::sigmoid(means.roll(1, 1) * mixed);
    };
  }
  const auto y = batch_norm(x, norm, epilogue, kernels);
  const auto weights =
      torch::randn(c.shape, torch::kDouble).to(c.type).to(compute);
  (y * weights).sum().backward();
  Outcome outcome{{{"y", y},
                   {"dx", x.grad()},
                   {"dweight", norm->weight.grad()},
                   {"dbias", norm->bias.grad()},
                   {"running_mean", norm->running_mean},
                   {"running_var", norm->running_var},
                   {"num_batches_tracked", norm->num_batches_tracked}}};
  if (c.residual) outcome.tensors.emplace_back("dresidual", residual.grad());
  if (c.gates > 0) outcome.tensors.emplace_back("dgate", gate.grad());
  if (c.gate_of) outcome.tensors.emplace_back("dmixed", mixed.grad());
  return outcome;
}

class BatchNorm : public testing::TestWithParam<Case> {};

TEST_P(BatchNorm, EqualsTheReference) {
  const Case& c = GetParam();
  const auto fused = run(c, Kernels::kFused, c.type);
  const auto reference = run(c, Kernels::kReference, c.type);
  const auto exact = run(c, Kernels::kReference, at::kDouble);
  for (size_t i = 0; i < fused.tensors.size(); ++i) {
    const auto& [name, found] = fused.tensors[i];
    const auto& expected = reference.tensors[i].second;
    ASSERT_EQ(found.sizes(), expected.sizes()) << name;
    EXPECT_EQ(found.scalar_type(), expected.scalar_type()) << name;
    const double norm =
        std::max(expected.to(torch::kDouble).norm().item<double>(), 1.0);
    if (c.type == at::kBFloat16) {
      // Rounding moves pixels across zero in either: none is to be further from
      // the truth than the reference.
      const auto& truth = exact.tensors[i].second;
      // Where a gate is made of rounded means, both have the same large error
      // and small ones of their own.
      EXPECT_LE(distance(found, truth),
                (c.gate_of ? 2 : 1.1) * distance(expected, truth) +
                    (c.gate_of ? 1e-2 : 2e-3) * norm)
          << name;
      continue;
    }
    EXPECT_LE(distance(found, expected), (c.type == at::kDouble ? 1e-12
                                          : c.gate_of           ? 3e-5
                                                                : 1e-5) *
                                             norm)
        << name;
  }
}

INSTANTIATE_TEST_SUITE_P(Kernels, BatchNorm, testing::ValuesIn(cases()),
                         name_of_case);

TEST(BatchNorm, IsTheFusedOneWhereItSaysSo) {
  nn::BatchNorm2d norm(4);
  const auto x = torch::randn({2, 4, 3, 3})
                     .contiguous(at::MemoryFormat::ChannelsLast)
                     .requires_grad_();
  const auto maker = [&](const torch::Tensor& input, Kernels kernels) {
    return batch_norm(input, norm, {.relu = true}, kernels).grad_fn()->name();
  };
  EXPECT_NE(maker(x, Kernels::kFused).find("BatchNormEpilogue"),
            std::string::npos);
  EXPECT_EQ(maker(x, Kernels::kReference).find("BatchNormEpilogue"),
            std::string::npos);
  EXPECT_EQ(maker(x.contiguous(), Kernels::kFused).find("BatchNormEpilogue"),
            std::string::npos);
  const ReferenceOnly reference_only;
  EXPECT_EQ(maker(x, Kernels::kFused).find("BatchNormEpilogue"),
            std::string::npos);
}

TEST(BatchNorm, IsTheSameForAnyNumberOfThreads) {
  for (const int64_t gates : {0, 24}) {
    const Case c{{8, 24, 31, 33}, at::kFloat,           true, true, true,
                 gates,           /*gate_of=*/gates > 0};
    const int threads = at::get_num_threads();
    at::set_num_threads(1);
    const auto one = run(c, Kernels::kFused, c.type);
    at::set_num_threads(3);
    const auto three = run(c, Kernels::kFused, c.type);
    at::set_num_threads(threads);
    for (size_t i = 0; i < one.tensors.size(); ++i) {
      EXPECT_TRUE(torch::equal(one.tensors[i].second, three.tensors[i].second))
          << one.tensors[i].first;
    }
  }
}

// A channel that is constant has a variance of 0, and one far from zero a small
// one beside its mean: E[x²] - E[x]² would lose all its digits.
TEST(BatchNorm, KeepsTheDigitsOfASmallVariance) {
  auto x = torch::full({4, 3, 16, 16}, 1000.0, torch::kFloat);
  x.select(1, 1) += torch::randn({4, 16, 16});
  nn::BatchNorm2d norm(3);
  batch_norm(x.contiguous(at::MemoryFormat::ChannelsLast), norm, {.relu = true},
             Kernels::kFused);
  const auto variance =
      x.to(torch::kDouble)
          .var(std::vector<int64_t>{0, 2, 3}, /*unbiased=*/true);
  EXPECT_TRUE(torch::allclose(norm->running_var.to(torch::kDouble),
                              0.9 + 0.1 * variance, 1e-6, 1e-6));
}

/// The network with those kernels, in double and channels-last.
std::shared_ptr<Classifier> network(ModelOptions options, Kernels kernels) {
  torch::manual_seed(2);
  std::visit([&](auto& chosen) { chosen.kernels = kernels; }, options);
  auto model = make_model(options);
  model->to(torch::kDouble);
  for (auto& parameter : model->parameters()) {
    if (parameter.dim() != 4) continue;
    parameter.set_data(
        parameter.detach().contiguous(at::MemoryFormat::ChannelsLast));
  }
  return model;
}

TEST(Kernels, OfEveryFamilyEqualTheReference) {
  for (const auto& [name, options] : variants()) {
    SCOPED_TRACE(name);
    const auto images =
        torch::randn({3, in_channels(options), 16, 16}, torch::kDouble)
            .contiguous(at::MemoryFormat::ChannelsLast);
    const auto fused = network(options, Kernels::kFused);
    const auto reference = network(options, Kernels::kReference);
    for (const bool training : {true, false}) {
      fused->train(training);
      reference->train(training);
      torch::manual_seed(4);  // Dropout's.
      const auto a = fused->forward(images);
      torch::manual_seed(4);
      const auto b = reference->forward(images);
      a.square().sum().backward();
      b.square().sum().backward();
      EXPECT_LE((a - b).norm().item<double>(),
                1e-10 * std::max(b.norm().item<double>(), 1.0));
    }
    const auto own = fused->named_parameters();
    for (const auto& item : reference->named_parameters()) {
      const auto& expected = item.value().grad();
      EXPECT_LE((own[item.key()].grad() - expected).norm().item<double>(),
                1e-9 * std::max(expected.norm().item<double>(), 1.0))
          << item.key();
    }
    const auto buffers = fused->named_buffers();
    for (const auto& item : reference->named_buffers()) {
      EXPECT_TRUE(torch::allclose(buffers[item.key()].to(torch::kDouble),
                                  item.value().to(torch::kDouble), 1e-10,
                                  1e-12))
          << item.key();
    }
  }
}

}  // namespace
}  // namespace skipzoo
