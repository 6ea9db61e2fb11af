// Every optimizer against ten steps of its formula in NumPy, in float64:
// goldens/make_optimizers.py.

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>

#include "models/classifier.h"
#include "tools/config/run_config.h"
#include "tools/train/optimizer.h"

namespace skipzoo {
namespace {

constexpr int kSteps = 10;

/// The weights of the script, whose last layer is "fc".
struct FewWeights : Classifier {
  FewWeights() {
    add("wide.weight", {2, 2, 2, 2});
    add("tall.weight", {5, 2});
    add("tall.bias", {5});
    add("fc.weight", {2, 3});
    add("fc.bias", {2});
  }
  torch::Tensor forward(const torch::Tensor& images) override { return images; }
  std::string head_name() const override { return "fc"; }
  void reset_head(int64_t) override {}
  std::vector<std::string> block_names() const override { return {}; }
  Kernels kernels() const override { return Kernels::kReference; }

  /// As make_optimizers.py: step 0 for weights, the others for gradients.
  static torch::Tensor numbers(int64_t step, int64_t parameter,
                               at::IntArrayRef shape) {
    const auto elements = torch::arange(c10::multiply_integers(shape));
    const auto whole =
        (elements * 1009 + step * 7919 + parameter * 3571) % 2048;
    return (whole.to(torch::kDouble) / 1024 - 1).reshape(shape);
  }

 private:
  /// Registered under a path, as layers of layers would be.
  void add(const std::string& path, at::IntArrayRef shape) {
    const auto dot = path.find('.');
    const auto layer = path.substr(0, dot);
    const auto known = named_children();
    const auto module =
        known.contains(layer)
            ? known[layer]
            : register_module(layer, std::make_shared<Module>());
    module->register_parameter(path.substr(dot + 1),
                               numbers(0, count_++, shape));
  }
  int64_t count_ = 0;
};

nlohmann::json goldens() {
  std::ifstream file(std::string(SKIPZOO_GOLDENS) + "/optimizers.json");
  return nlohmann::json::parse(file);
}

OptimizerOptions parsed(const std::string& optimizer) {
  return parse_config(
             "model: {family: resnet}\ndata: {dataset: synthetic, image_size: "
             "8}\n",
             "x", "/", {"train.optimizer=" + optimizer})
      .config.train.optimizer;
}

/// The weights after ten steps.
std::shared_ptr<FewWeights> moved(const OptimizerOptions& options,
                                  bool channels_last) {
  const auto model = std::make_shared<FewWeights>();
  move_to(*model, torch::kCPU, channels_last);
  Optimizer optimizer(options, *model);
  auto weights = model->parameters();
  for (int step = 1; step <= kSteps; ++step) {
    for (size_t i = 0; i < weights.size(); ++i) {
      weights[i].mutable_grad() = FewWeights::numbers(
          step, static_cast<int64_t>(i), weights[i].sizes());
    }
    optimizer.set_lr(options.lr / (1 + step / 16.0));
    optimizer.step();
  }
  return model;
}

TEST(OptimizerGoldens, EachIsItsFormulaInNumPy) {
  for (const auto& golden : goldens()) {
    const auto text = golden["optimizer"].get<std::string>();
    for (const bool channels_last : {false, true}) {
      SCOPED_TRACE(text);
      const auto model = moved(parsed(text), channels_last);
      for (const auto& weight : model->named_parameters()) {
        const auto expected = torch::tensor(
            golden["weights"][weight.key()].get<std::vector<double>>(),
            torch::kDouble);
        const auto actual = weight.value().detach().contiguous().flatten();
        EXPECT_LT((actual - expected).abs().max().item<double>(), 1e-12)
            << weight.key();
      }
    }
  }
}

TEST(OptimizerGoldens, AreOfEveryOptimizer) {
  for (const auto& [kind, name] : EnumNames<OptimizerKind>::values) {
    bool is_there = false;
    for (const auto& golden : goldens()) {
      const auto text = golden["optimizer"].get<std::string>();
      is_there = is_there || parsed(text).name == kind;
    }
    EXPECT_TRUE(is_there) << name;
  }
}

TEST(OptimizerGoldens, MuonLeavesVectorsAndTheHeadToAdamW) {
  OptimizerOptions options;
  options.name = OptimizerKind::kMuon;
  FewWeights model;
  std::vector<std::string> names;
  for (const auto& slot : Optimizer(options, model).state()) {
    names.push_back(slot.first);
  }
  EXPECT_EQ(names,
            (std::vector<std::string>{
                "momentum_buffer.wide.weight", "momentum_buffer.tall.weight",
                "exp_avg.tall.bias", "exp_avg_sq.tall.bias", "step.tall.bias",
                "exp_avg.fc.weight", "exp_avg_sq.fc.weight", "step.fc.weight",
                "exp_avg.fc.bias", "exp_avg_sq.fc.bias", "step.fc.bias"}));
}

}  // namespace
}  // namespace skipzoo
