// The loss scaler of train.amp: fp16. Its arithmetic, and what a step does with
// it, here in float32: float16 itself is for CUDA.

#include "tools/train/loss_scaler.h"

#include <ATen/Context.h>
#include <gtest/gtest.h>

#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <optional>

#include "tests/support/small_run.h"
#include "tests/support/temporary_folder.h"
#include "tools/error.h"
#include "tools/train/precision.h"
#include "tools/train/step.h"

namespace skipzoo {
namespace {

float scale_of(const NamedTensors& state) {
  return state[0].second.item<float>();
}
int tracker_of(const NamedTensors& state) {
  return state[1].second.item<int>();
}

TEST(LossScaler, MovesAsTheScriptAndTorchHaveIt) {
  std::ifstream file(std::string(SKIPZOO_GOLDENS) + "/loss_scaler.json");
  for (const auto& golden : nlohmann::json::parse(file)) {
    LossScaler scaler(torch::kCPU,
                      {.init_scale = golden["init_scale"],
                       .growth_factor = golden["growth_factor"],
                       .backoff_factor = golden["backoff_factor"],
                       .growth_interval = golden["growth_interval"]});
    for (size_t i = 0; i < golden["finite"].size(); ++i) {
      const bool is_finite = golden["finite"][i];
      const auto bad = i % 2 == 0 ? std::numeric_limits<float>::infinity()
                                  : std::numeric_limits<float>::quiet_NaN();
      const auto fine = torch::tensor({1.f, -2.f});
      const auto one = torch::tensor({3.f, is_finite ? 1.f : bad});
      EXPECT_EQ(scaler.unscale({fine, one}).item<float>(), is_finite ? 0 : 1);
      scaler.update();
      const auto state = scaler.state();
      EXPECT_EQ(scale_of(state), golden["states"][i][0].get<float>()) << i;
      EXPECT_EQ(tracker_of(state), golden["states"][i][1].get<int>()) << i;
    }
  }
}

TEST(LossScaler, BeginsAsTorchsAndTakesOutWhatItPutIn) {
  LossScaler scaler(torch::kCPU);
  const auto loss = torch::tensor(2.5f);
  const auto scaled = scaler.scale(loss);
  EXPECT_EQ(scaled.item<float>(), 2.5f * 65536);
  EXPECT_EQ(scaler.unscale({scaled}).item<float>(), 0);
  EXPECT_EQ(scaled.item<float>(), 2.5f);
}

TEST(LossScaler, GoesOnFromItsStateAndRefusesAnother) {
  LossScaler first(torch::kCPU, {.growth_interval = 3});
  for (int i = 0; i < 5; ++i) {
    first.unscale({torch::ones({1})});
    first.update();
  }
  LossScaler second(torch::kCPU, {.growth_interval = 3});
  second.load_state(first.state());
  EXPECT_EQ(scale_of(second.state()), 2 * 65536);
  EXPECT_EQ(tracker_of(second.state()), 2);
  const auto number = [](double value, at::ScalarType type) {
    return torch::full({}, value, type);
  };
  const auto fine = number(1, torch::kInt);
  for (const auto& state : std::vector<NamedTensors>{
           {{"scale", number(1, torch::kFloat)}},
           {{"scale", number(1, torch::kDouble)}, {"growth_tracker", fine}},
           {{"scale", number(0, torch::kFloat)}, {"growth_tracker", fine}},
           {{"scale", number(INFINITY, torch::kFloat)},
            {"growth_tracker", fine}},
           {{"scale", number(1, torch::kFloat)},
            {"growth_tracker", number(-1, torch::kInt)}},
           {{"scale", torch::ones({2})}, {"growth_tracker", fine}}}) {
    EXPECT_THROW(second.load_state(state), std::runtime_error);
  }
  EXPECT_EQ(scale_of(second.state()), 2 * 65536);
}

Settings scaled_run() {
  auto s = small_run();
  s.train.amp = Amp::kFp16;
  s.train.clip_grad = 0.5;
  return s;
}

// Powers of two scale and unscale exactly, so what is clipped and taken as a
// step is bit for bit what it is without.
TEST(LossScaling, LeavesNoTraceInASteps) {
  TemporaryFolder folder;
  for (const int64_t parts : {1, 3}) {
    auto s = scaled_run();
    s.train.grad_accum_steps = parts;
    const auto name = std::to_string(parts);
    run(s, folder / ("scaled" + name));
    s.train.amp = Amp::kOff;
    run(s, folder / ("plain" + name));
    const auto scaled =
        load_checkpoint(folder / ("scaled" + name) / "last.skz");
    const auto plain = load_checkpoint(folder / ("plain" + name) / "last.skz");
    for (size_t i = 0; i < plain.weights.size(); ++i) {
      EXPECT_TRUE(
          torch::equal(scaled.weights[i].second, plain.weights[i].second))
          << plain.weights[i].first;
    }
    EXPECT_EQ(tracker_of(scaled.sections.at("loss_scaler")),
              parts == 1 ? 28 : 12);
    EXPECT_FALSE(plain.sections.contains("loss_scaler"));
  }
}

TEST(LossScaling, AStepWhoseGradientsAreNotFiniteIsLeftOut) {
  const auto s = scaled_run();
  const auto model = make_model(s.model);
  model->train();
  Optimizer optimizer(s.train.optimizer, *model);
  TrainingStep step(*model, optimizer, s.train);
  const auto scaler = step.scaler_section();
  scaler.load({{"scale", torch::full({}, 3e38)},
               {"growth_tracker", torch::full({}, 7, torch::kInt)}});
  const auto weight = [&] { return model->parameters().front().clone(); };
  const auto images = torch::randn({4, 3, 8, 8});
  const Targets targets{torch::tensor({0, 1, 2, 3})};
  const auto before = weight();
  // Four times that, for four pictures, is beyond float32.
  const auto take_step = [&] {
    const auto result = step.accumulate(images, targets);
    EXPECT_TRUE(result.loss.isfinite().item<bool>());
    step.update();
  };
  take_step();
  EXPECT_TRUE(torch::equal(weight(), before));
  EXPECT_EQ(scale_of(scaler.save()), 1.5e38f);
  EXPECT_EQ(tracker_of(scaler.save()), 0);
  // It comes down to what the gradients bear, and the weights move.
  for (int i = 0; i < 40 && torch::equal(weight(), before); ++i) take_step();
  EXPECT_FALSE(torch::equal(weight(), before));
  EXPECT_TRUE(weight().isfinite().all().item<bool>());
  EXPECT_GT(tracker_of(scaler.save()), 0);
}

/// Weights and slots after two steps, of which the second has that found_inf.
NamedTensors after_two_steps(const OptimizerOptions& options,
                             const std::vector<std::optional<float>>& found) {
  const auto model = make_model(small_run().model);
  Optimizer optimizer(options, *model);
  torch::manual_seed(7);
  for (const auto& one : found) {
    for (auto& parameter : model->parameters()) {
      parameter.mutable_grad() = torch::randn_like(parameter.detach());
    }
    optimizer.step(one ? std::optional<torch::Tensor>(torch::full({}, *one))
                       : std::nullopt);
  }
  auto state = optimizer.state();
  for (const auto& item : model->named_parameters()) {
    state.emplace_back(item.key(), item.value().detach());
  }
  return state;
}

// As where the step is not taken at all, bit for bit, counts of steps included;
// and where all is finite, as if nobody had asked.
TEST(LossScaling, EveryOptimizerLeavesOutAnUpdateOnTheDevice) {
  for (const auto& [kind, name] : EnumNames<OptimizerKind>::values) {
    for (const int64_t k : {0, 2}) {
      SCOPED_TRACE(std::string(name) + " " + std::to_string(k));
      OptimizerOptions options;
      options.name = kind;
      options.lookahead.k = k;
      const auto after = [&](std::vector<std::optional<float>> found) {
        torch::manual_seed(1);
        return after_two_steps(options, found);
      };
      const auto plain = after({std::nullopt});
      const auto left_out = after({std::nullopt, 1.f});
      const auto twice = after({std::nullopt, std::nullopt});
      const auto fine = after({0.f, 0.f});
      for (size_t i = 0; i < plain.size(); ++i) {
        EXPECT_TRUE(torch::equal(left_out[i].second, plain[i].second))
            << plain[i].first;
        EXPECT_TRUE(torch::equal(fine[i].second, twice[i].second))
            << plain[i].first;
      }
      EXPECT_FALSE(torch::equal(twice.back().second, plain.back().second));
    }
  }
}

TEST(LossScaling, ARunWithItResumesBitForBit) {
  TemporaryFolder folder;
  const auto s = scaled_run();
  run(s, folder / "whole");
  run(s, folder / "parts", stop_after(10));
  const auto saved = load_checkpoint(folder / "parts/last.skz");
  EXPECT_EQ(tracker_of(saved.sections.at("loss_scaler")), 10);
  run(s, folder / "parts");
  expect_same_run(folder / "whole", folder / "parts");
  // On and off on the way.
  for (const auto amp : {Amp::kOff, Amp::kFp16}) {
    auto longer = s;
    longer.train.amp = amp;
    longer.train.epochs = amp == Amp::kOff ? 5 : 6;
    run(longer, folder / "parts");
    EXPECT_EQ(load_checkpoint(folder / "parts/last.skz")
                  .sections.contains("loss_scaler"),
              amp == Amp::kFp16);
  }
}

// That can be asked without a GPU; the CPU is left as it is.
TEST(CudaArithmetic, IsThatOfTheOptions) {
  auto& context = at::globalContext();
  const auto now = [&] {
    return std::vector<bool>{
        context.benchmarkCuDNN(), context.deterministicCuDNN(),
        context.allowTF32CuDNN(), context.allowTF32CuBLAS()};
  };
  const auto set = [&](const TrainOptions& options) {
    set_cuda_arithmetic(options, torch::Device("cuda:0"));
    return now();
  };
  const auto before = now();
  set_cuda_arithmetic({.tf32 = false, .deterministic = true}, torch::kCPU);
  EXPECT_EQ(now(), before);
  using Flags = std::vector<bool>;
  EXPECT_EQ(set({}), Flags({true, false, true, true}));
  EXPECT_EQ(set({.tf32 = false}), Flags({true, false, false, false}));
  EXPECT_EQ(set({.cudnn_benchmark = false}), Flags({false, false, true, true}));
  EXPECT_EQ(set({.deterministic = true}), Flags({false, true, true, true}));
  context.setBenchmarkCuDNN(before[0]);
  context.setDeterministicCuDNN(before[1]);
  context.setAllowTF32CuDNN(before[2]);
  context.setAllowTF32CuBLAS(before[3]);
}

TEST(LossScaling, Float16IsForCuda) {
  EXPECT_THROW(check_amp(Amp::kFp16, torch::kCPU), ConfigError);
  check_amp(Amp::kFp16, torch::Device("cuda:0"));
  check_amp(Amp::kBf16, torch::kCPU);
  // What is evaluated on the CPU is so in float32.
  const auto model = make_model(small_run().model);
  const auto images = torch::randn({2, 3, 8, 8});
  EXPECT_TRUE(torch::equal(forward_of(*model, Amp::kFp16)(images),
                           forward_of(*model, Amp::kOff)(images)));
}

}  // namespace
}  // namespace skipzoo
