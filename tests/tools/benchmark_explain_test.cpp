// What `skipzoo benchmark --explain` says of a network's layers.

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <nlohmann/json.hpp>

#include "models/classifier.h"
#include "models/kernels/algorithms/choose.h"
#include "models/kernels/simd/processor.h"
#include "models/make_model.h"
#include "tests/support/environment.h"
#include "tests/support/expect_words.h"
#include "tools/config/run_config.h"

namespace skipzoo {
namespace {

using Words = std::vector<std::string>;

std::string digits(const std::string& network) {
  return std::string(SKIPZOO_CONFIGS) + "/digits/" + network + ".yaml";
}

Words explaining(const std::string& network, const std::string& mode,
                 const Words& more = {}) {
  Words words = {"benchmark", "-c", digits(network), "--mode", mode,
                 "--batch",   "32", "--threads",     "1",      "--explain"};
  words.insert(words.end(), more.begin(), more.end());
  return words;
}

nlohmann::json explained(const std::string& network, const std::string& mode,
                         Words more = {}) {
  more.push_back("--json");
  const auto finished = run_skipzoo(explaining(network, mode, more));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return nlohmann::json::parse(finished.out);
}

/// Those that multiply by a weight, in any order.
Words layers_of(const std::string& network) {
  const auto model =
      make_uninitialised(load_config(digits(network)).config.model);
  Words names;
  for (const auto& module : model->named_modules()) {
    if (module.value()->as<torch::nn::Conv2d>() ||
        module.value()->as<torch::nn::Linear>()) {
      names.push_back(module.key());
    }
  }
  std::sort(names.begin(), names.end());
  return names;
}

TEST(BenchmarkExplain, NamesEveryLayerOnce) {
  for (const char* network : {"resnet20", "densenet", "conv_net"}) {
    for (const char* mode : {"train", "infer"}) {
      const auto json = explained(network, mode);
      EXPECT_EQ(json.at("model"), network);
      EXPECT_EQ(json.at("mode"), mode);
      EXPECT_EQ(json.at("batch"), 32);
      EXPECT_EQ(json.at("isa"), name_of(isa()));
      Words names;
      for (const auto& layer : json.at("layers")) {
        names.push_back(layer.at("layer"));
        EXPECT_EQ(layer.contains("weight_gradient"),
                  mode == std::string("train"))
            << layer;
      }
      if (network == std::string("resnet20")) {  // Built in order.
        EXPECT_EQ(names.front(), "conv1") << mode;
        EXPECT_EQ(names[7], "layer2.0.conv1") << mode;
      }
      EXPECT_EQ(names.back(),
                network == std::string("densenet") ? "classifier" : "fc")
          << mode;
      std::sort(names.begin(), names.end());
      EXPECT_EQ(names, layers_of(network)) << network << ' ' << mode;
    }
  }
}

TEST(BenchmarkExplain, NamesThemInBfloat16) {
  for (const char* mode : {"train", "infer"}) {
    const auto json = explained("densenet", mode, {"--dtype", "bf16"});
    EXPECT_EQ(json.at("dtype"), "bf16");
    Words names;
    for (const auto& layer : json.at("layers")) names.push_back(layer["layer"]);
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, layers_of("densenet")) << mode;
  }
}

/// The first that takes it, as convolution() asks them, and its words.
std::pair<std::string, std::string> chosen_for(const nlohmann::json& layer) {
  const std::vector<int64_t> images = layer.at("images"),
                             weight = layer.at("weight");
  const int64_t stride = layer.at("stride"), border = weight[2] / 2;
  const ConvolutionWork work{.images = images[0],
                             .size = {images[2], images[3]},
                             .in = weight[1],
                             .out = weight[0],
                             .type = at::kFloat};
  if (const auto winograd = suits_winograd(work);
      winograd && weight[2] == 3 && stride == 1) {
    return {"winograd", winograd.words()};
  }
  const std::vector<int64_t> borders(2, border), strides(2, stride);
  const auto gemm = implicit_gemm_shape(
      images, weight, at::kFloat,
      {.padding = borders, .stride = strides, .dilation = {1, 1}, .groups = 1});
  if (gemm) return {"implicit_gemm", gemm.verdict.words()};
  return {"oneDNN", ""};
}

TEST(BenchmarkExplain, SaysWhatTheThresholdsSay) {
  std::map<std::string, int> times;
  const auto json =
      explained("resnet20", "train", {"--set", "model.widths=[8, 32, 64]"});
  for (const auto& layer : json.at("layers")) {
    if (layer.at("layer") == "fc") {
      EXPECT_EQ(layer.at("algorithm"), "LibTorch");
      continue;
    }
    const auto [algorithm, why] = chosen_for(layer);
    EXPECT_EQ(layer.at("algorithm"), algorithm) << layer;
    EXPECT_EQ(layer.at("why"), why) << layer;
    EXPECT_EQ(layer.at("weight_gradient"), algorithm) << layer;
    // Nobody asks for the gradient of the images.
    EXPECT_EQ(layer.contains("input_gradient"), layer.at("layer") != "conv1");
    EXPECT_EQ(layer.at("declined").contains("winograd"),
              algorithm != "winograd")
        << layer;
    ++times[algorithm];
  }
  if (!has_avx2()) return;
  for (const char* name : {"winograd", "implicit_gemm", "oneDNN"}) {
    EXPECT_GT(times[name], 0) << name;
  }
}

TEST(BenchmarkExplain, FollowsTheInstructionSet) {
  const Variable plain("SKIPZOO_ISA", "plain");
  const auto json = explained("resnet20", "train");
  EXPECT_EQ(json.at("isa"), "plain");
  for (const auto& layer : json.at("layers")) {
    if (layer.at("layer") == "fc") continue;
    EXPECT_EQ(layer.at("algorithm"), "oneDNN") << layer;
    if (layer.at("stride") == 1 && layer.at("weight")[2] == 3) {
      EXPECT_EQ(layer.at("declined").at("winograd"), "no AVX2");
    }
  }
}

TEST(BenchmarkExplain, LeavesTheReferenceToLibTorch) {
  for (const char* mode : {"train", "infer"}) {
    const auto json =
        explained("conv_net", mode, {"--set", "model.kernels=reference"});
    Words names;
    for (const auto& layer : json.at("layers")) {
      names.push_back(layer.at("layer"));
      EXPECT_EQ(layer.at("algorithm"), "LibTorch") << layer;
      EXPECT_EQ(layer.at("why"), "kernels: reference") << layer;
    }
    std::sort(names.begin(), names.end());
    EXPECT_EQ(names, layers_of("conv_net")) << mode;
  }
}

TEST(BenchmarkExplain, PrintsATable) {
  const auto finished = run_skipzoo(explaining("resnet20", "train"));
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  expect_words(finished.out, "resnet20, train, fp32, batch 32, cpu, 1 thread");
  expect_words(finished.out, "layer           what");
  const auto line_of = [&](const std::string& layer) {
    const auto begin = finished.out.find("\n" + layer + " ") + 1;
    return finished.out.substr(begin, finished.out.find('\n', begin) - begin);
  };
  expect_words(line_of("layer2.0.conv1"), "3x3, stride 2, 16 -> 32, 8x8");
  expect_words(line_of("conv1"), "; not grouped_convolution: one group");
  expect_words(line_of("fc"), "linear, 64 -> 10");
  // Nothing is measured.
  EXPECT_EQ(finished.out.find("images/s"), std::string::npos);
}

TEST(BenchmarkExplain, IsAloneAndOfANetwork) {
  const auto said = [](const std::string& mode, const Words& more) {
    return run_skipzoo(explaining("resnet20", mode, more));
  };
  expect_words(said("data", {}), 2,
               "--explain: is of a network, and --mode data runs none");
  expect_words(said("train", {"--nproc", "2"}), 2,
               "--explain: is of one process; drop --nproc");
  expect_words(said("train", {"--profile"}), 2, "--profile excludes --explain");
  expect_words(said("train", {"--seconds", "1"}), 2,
               "--seconds excludes --explain");
}

}  // namespace
}  // namespace skipzoo
