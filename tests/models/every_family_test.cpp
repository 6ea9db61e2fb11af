// What every network must do. A family or an option joins by being in
// variants().
#include <ATen/record_function.h>
#include <c10/core/impl/LocalDispatchKeySet.h>
#include <gtest/gtest.h>
#include <torch/nn.h>
#include <torch/serialize.h>

#include <map>
#include <memory>
#include <sstream>
#include <string>
#include <string_view>
#include <vector>

#include "models/zoo.h"
#include "tests/support/variants.h"

namespace skipzoo {
namespace {

class EveryFamily : public testing::TestWithParam<Variant> {
 protected:
  torch::Tensor images(int64_t n) const {
    return torch::randn({n, in_channels(GetParam().options), 32, 32});
  }
  /// In eval mode, with running statistics that are not the initial ones.
  std::shared_ptr<Classifier> briefly_trained() const {
    torch::NoGradGuard no_grad;
    const auto model = make_model(GetParam().options);
    for (int step = 0; step < 3; ++step) model->forward(2 * images(8) + 1);
    model->eval();
    return model;
  }
};

bool is_bias_of_a_convolution(const torch::nn::Module& model,
                              const std::string& name) {
  const auto dot = name.rfind('.');
  if (name.substr(dot + 1) != "bias") return false;
  const auto modules = model.named_modules("", /*include_self=*/false);
  return modules[name.substr(0, dot)]->as<torch::nn::Conv2d>() != nullptr;
}

/// Logits in training, and the means that all BatchNorms took.
struct Passed {
  torch::Tensor logits;
  torch::Tensor means;

  Passed(Classifier& model, const torch::Tensor& images) {
    for (auto& module : model.modules()) {
      if (auto* norm = module->as<torch::nn::BatchNorm2d>()) {
        norm->reset_running_stats();
      }
    }
    torch::manual_seed(0);  // Of dropout.
    logits = model.forward(images);
    std::vector<torch::Tensor> all = {torch::empty({0})};
    for (const auto& buffer : model.named_buffers()) {
      if (buffer.key().ends_with("running_mean")) all.push_back(buffer.value());
    }
    means = torch::cat(all);
  }
};

/// Whether a BatchNorm takes a bias away again, which leaves it a gradient of
/// zero. Found by shifting it: as many means follow as it has elements, and the
/// logits do not.
bool is_idle(torch::Tensor bias, Classifier& model,
             const torch::Tensor& images) {
  torch::NoGradGuard no_grad;
  const auto kept = bias.clone();
  const Passed before(model, images);
  bias.add_(1);
  const Passed after(model, images);
  bias.copy_(kept);
  const auto moved = (after.means - before.means).abs() > 1e-3;
  return moved.sum().item<int64_t>() == bias.numel() &&
         torch::allclose(after.logits, before.logits, 1e-3, 1e-3);
}

/// Two convolutions with biases, of which a BatchNorm follows the first.
struct OneNorm : Classifier {
  OneNorm() {
    register_module("normed", normed);
    register_module("norm", norm);
    register_module("bare", bare);
    register_module("fc", fc);
  }
  torch::Tensor forward(const torch::Tensor& images) override {
    const auto x = bare(norm(normed(images)).relu());
    return fc(x.mean({2, 3}));
  }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }

  torch::nn::Conv2d normed{torch::nn::Conv2dOptions(3, 4, 3)};
  torch::nn::BatchNorm2d norm{4};
  torch::nn::Conv2d bare{torch::nn::Conv2dOptions(4, 5, 3)};
  torch::nn::Linear fc{5, 10};
};

TEST(IdleBias, IsOneThatABatchNormTakesAway) {
  const auto model = std::make_shared<OneNorm>();
  const auto images = torch::randn({4, 3, 8, 8});
  EXPECT_TRUE(is_idle(model->normed->bias, *model, images));
  EXPECT_FALSE(is_idle(model->bare->bias, *model, images));
}

TEST_P(EveryFamily, GivesOneLogitPerClass) {
  const auto model = make_model(GetParam().options);
  EXPECT_EQ(model->forward(images(3)).sizes(),
            (std::vector<int64_t>{3, num_classes(GetParam().options)}));
}

TEST_P(EveryFamily, IsMadeUninitialisedWithoutATraceInTheThread) {
  const auto before = c10::impl::tls_local_dispatch_key_set();
  const auto names = state_dict(*make_uninitialised(GetParam().options));
  const auto after = c10::impl::tls_local_dispatch_key_set();
  EXPECT_EQ(after.included_.raw_repr(), before.included_.raw_repr());
  EXPECT_EQ(after.excluded_.raw_repr(), before.excluded_.raw_repr());
  EXPECT_EQ(names.size(), state_dict(*make_model(GetParam().options)).size());
}

TEST_P(EveryFamily, SendsAGradientToEveryParameter) {
  const auto model = make_model(GetParam().options);
  const auto x = images(4);
  const auto logits = model->forward(x);
  torch::nn::functional::cross_entropy(logits, torch::arange(4)).backward();
  for (const auto& parameter : model->named_parameters()) {
    const auto& gradient = parameter.value().grad();
    ASSERT_TRUE(gradient.defined()) << parameter.key();
    if (is_bias_of_a_convolution(*model, parameter.key()) &&
        is_idle(parameter.value(), *model, x)) {
      continue;
    }
    EXPECT_GT(gradient.norm().item<double>(), 0) << parameter.key();
  }
}

TEST_P(EveryFamily, GivesTheSameLogitsAfterSavingAndLoading) {
  const auto saved = briefly_trained();
  std::stringstream file;
  torch::save(saved, file);
  auto loaded = make_model(GetParam().options);
  torch::load(loaded, file);
  loaded->eval();
  const auto x = images(2);
  EXPECT_TRUE(torch::equal(loaded->forward(x), saved->forward(x)));
}

TEST_P(EveryFamily, ChangesItsOutputsWhenTheHeadIsReset) {
  const auto model = briefly_trained();
  const auto x = images(2);
  const auto before = model->forward(x);
  model->reset_head(num_classes(GetParam().options));
  EXPECT_FALSE(torch::allclose(model->forward(x), before));
}

TEST_P(EveryFamily, TakesAnyNumberOfClassesInANewHead) {
  const auto model = briefly_trained();
  model->reset_head(7);
  EXPECT_EQ(model->forward(images(2)).sizes(), (std::vector<int64_t>{2, 7}));
}

TEST_P(EveryFamily, ResetsTheHeadAlone) {
  const auto model = briefly_trained();
  std::map<std::string, torch::Tensor> before;
  for (const auto& [name, tensor] : state_dict(*model)) {
    before[name] = tensor.clone();
  }
  model->reset_head(num_classes(GetParam().options));
  const auto after = state_dict(*model);
  ASSERT_EQ(after.size(), before.size());
  for (const auto& [name, tensor] : after) {
    const bool head = name == model->head_name() + ".weight";
    if (name == model->head_name() + ".bias") continue;  // May start at zero.
    EXPECT_EQ(torch::equal(tensor, before.at(name)), !head) << name;
  }
}

TEST_P(EveryFamily, KeepsItsTypeInANewHead) {
  const auto model = make_model(GetParam().options);
  model->to(torch::kFloat64);
  model->reset_head(7);
  EXPECT_EQ(model->forward(images(2).to(torch::kFloat64)).scalar_type(),
            torch::kFloat64);
}

TEST_P(EveryFamily, GivesAnImageTheSameLogitsInAnyBatch) {
  torch::NoGradGuard no_grad;
  const auto model = briefly_trained();
  const auto x = images(5);
  const auto together = model->forward(x);
  for (int64_t i = 0; i < 5; ++i) {
    EXPECT_TRUE(torch::allclose(model->forward(x.slice(0, i, i + 1)),
                                together.slice(0, i, i + 1), 1e-4, 1e-5))
        << "image " << i;
  }
}

TEST_P(EveryFamily, IsDeterministicAndChangesNothingInEvalMode) {
  const auto model = briefly_trained();
  std::vector<torch::Tensor> before;
  for (const auto& buffer : model->buffers()) before.push_back(buffer.clone());
  const auto x = images(2);
  EXPECT_TRUE(torch::equal(model->forward(x), model->forward(x)));
  const auto after = model->buffers();
  for (size_t i = 0; i < after.size(); ++i) {
    EXPECT_TRUE(torch::equal(after[i], before[i]));
  }
}

TEST_P(EveryFamily, GivesTheSameLogitsForChannelsLast) {
  torch::NoGradGuard no_grad;
  const auto model = briefly_trained();
  const auto x = images(2);
  const auto expected = model->forward(x);
  const auto logits =
      model->forward(x.contiguous(at::MemoryFormat::ChannelsLast));
  EXPECT_TRUE(torch::allclose(logits, expected, 1e-5, 1e-5))
      << (logits - expected).abs().max();
}

/// How many convolutions and poolings ran, and which of them were given images
/// in another layout than channels_last. Thread-local, for the callback is a
/// plain function.
struct LayoutsSeen {
  int64_t calls = 0;
  std::vector<std::string> others;
};
thread_local LayoutsSeen layouts_seen;

std::unique_ptr<at::ObserverContext> note_layout(
    const at::RecordFunction& call) {
  const std::string_view op = call.name();
  if (op != "aten::conv2d" && op != "aten::adaptive_avg_pool2d") return {};
  const auto& x = call.inputs()[0].toTensor();
  ++layouts_seen.calls;
  if (!x.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    layouts_seen.others.push_back(std::string(op) + " " + c10::str(x.sizes()));
  }
  return {};
}

TEST_P(EveryFamily, KeepsChannelsLastFromTheFirstConvolutionToThePooling) {
  torch::NoGradGuard no_grad;
  const auto model = briefly_trained();
  layouts_seen = {};
  const auto handle =
      at::addThreadLocalCallback(at::RecordFunctionCallback(note_layout)
                                     .needsInputs(true)
                                     .scopes({at::RecordScope::FUNCTION}));
  model->forward(images(2).contiguous(at::MemoryFormat::ChannelsLast));
  at::removeCallback(handle);
  EXPECT_GT(layouts_seen.calls, 1);
  EXPECT_EQ(layouts_seen.others, std::vector<std::string>{});
}

// A configuration names its classes: the head must be where head_name() says.
TEST_P(EveryFamily, NamesItsLastLayer) {
  const auto model = make_model(GetParam().options);
  const auto parameters = model->named_parameters();
  const auto* weight = parameters.find(model->head_name() + ".weight");
  ASSERT_NE(weight, nullptr);
  EXPECT_EQ(weight->size(0), num_classes(GetParam().options));
}

TEST_P(EveryFamily, HasNamesOfItsOwnForEveryTensor) {
  const auto entries = state_dict(*make_model(GetParam().options));
  std::map<std::string, int> uses;
  for (const auto& [name, tensor] : entries) ++uses[name];
  EXPECT_EQ(uses.size(), entries.size());
}

INSTANTIATE_TEST_SUITE_P(Zoo, EveryFamily, testing::ValuesIn(variants()),
                         [](const auto& test) { return test.param.name; });

}  // namespace
}  // namespace skipzoo
