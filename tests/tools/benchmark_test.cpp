#include <gtest/gtest.h>

#include <cstdlib>
#include <map>
#include <nlohmann/json.hpp>

#include "models/kernels/simd/processor.h"
#include "tests/support/process.h"

namespace skipzoo {
namespace {

nlohmann::json benchmark(const std::string& mode, const std::string& kernels) {
  const auto finished = run_skipzoo(
      {"benchmark", "-c",
       std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml", "--mode", mode,
       "--batch", "3", "--threads", "1", "--seconds", "0.01", "--profile",
       "--json", "--set", "model.kernels=" + kernels});
  EXPECT_EQ(finished.exit_code, 0) << finished.err;
  return nlohmann::json::parse(finished.out);
}

// Its numbers are the machine's; that they hang together is ours.
TEST(Benchmark, ReportsTheFieldsThatOthersCompare) {
  for (const char* mode : {"train", "infer"}) {
    const auto json = benchmark(mode, "reference");
    EXPECT_EQ(json.at("peer"), "skipzoo");
    EXPECT_EQ(json.at("model"), "resnet20");
    EXPECT_EQ(json.at("mode"), mode);
    EXPECT_EQ(json.at("dtype"), "fp32");
    EXPECT_EQ(json.at("batch"), 3);
    EXPECT_EQ(json.at("isa"), name_of(isa()));
    EXPECT_NEAR(json.at("images_per_s").get<double>() *
                    json.at("ms_median").get<double>(),
                3000, 60);
    EXPECT_LE(json.at("ms_min"), json.at("ms_median"));
    EXPECT_GT(json.at("peak_rss_mb"), 10);
    EXPECT_TRUE(json.contains("setup_s"));
  }
}

// Rounding differs, so a difference of nothing would be one that was not taken.
TEST(Benchmark, SaysHowFarItIsFromTheReference) {
  for (const char* mode : {"train", "infer"}) {
    EXPECT_EQ(benchmark(mode, "reference").at("difference"), 0) << mode;
    const double fused = benchmark(mode, "fused").at("difference");
    EXPECT_GT(fused, 0) << mode;
    EXPECT_LT(fused, 1e-4) << mode;
  }
}

TEST(Benchmark, RefusesFloat16OnTheCpu) {
  const auto finished =
      run_skipzoo({"benchmark", "-c",
                   std::string(SKIPZOO_CONFIGS) + "/digits/resnet20.yaml",
                   "--mode", "infer", "--dtype", "fp16", "--device", "cpu"});
  EXPECT_EQ(finished.exit_code, 2);
  EXPECT_NE(finished.err.find("--dtype: fp16 is for CUDA, and this runs on the "
                              "CPU; bf16 and fp32 are for both"),
            std::string::npos)
      << finished.err;
}

TEST(Benchmark, TakesTheInstructionSetThatTheEnvironmentNames) {
  const auto with = [](const char* name) {
    setenv("SKIPZOO_ISA", name, 1);
    auto finished = run_skipzoo({"--version"});
    unsetenv("SKIPZOO_ISA");
    return finished;
  };
  EXPECT_NE(with("plain").out.find("kernels for plain"), std::string::npos);
  const auto unknown = with("sse9");
  EXPECT_EQ(unknown.exit_code, 2);
  EXPECT_NE(unknown.err.find("SKIPZOO_ISA: 'sse9' is none of plain, avx2"),
            std::string::npos)
      << unknown.err;
  if (best_isa() == Isa::kAmx) return;
  const auto beyond = with("amx");
  EXPECT_EQ(beyond.exit_code, 2);
  EXPECT_NE(beyond.err.find("SKIPZOO_ISA: this processor has no amx"),
            std::string::npos)
      << beyond.err;
}

TEST(Benchmark, ProfilesByKindOfOperator) {
  const auto profile = benchmark("train", "reference").at("profile");
  double sum = 0;
  for (const auto& share : profile) sum += share.get<double>();
  EXPECT_NEAR(sum, 1, 0.01);
  for (const char* kind :
       {"convolution", "batch_norm", "relu", "add", "optimizer"}) {
    EXPECT_GT(profile.at(kind), 0) << kind;
  }
}

TEST(Benchmark, ProfilesInferenceByLayer) {
  const auto found = benchmark("infer", "fused").at("by_layer");
  EXPECT_GT(found.at("run_ms"), 0);
  EXPECT_GT(found.at("kernels_ms"), 0);
  EXPECT_GT(found.at("machine_gflops"), 0);
  EXPECT_GT(found.at("machine_gbytes_per_s"), 0);
  std::map<std::string, nlohmann::json> layers;
  for (const auto& layer : found.at("layers")) {
    EXPECT_GT(layer.at("ms"), 0) << layer;
    layers[layer.at("layer")] = layer;
  }
  // 3x3 of 16 channels to 16 at 8x8, three images.
  const auto& layer = layers.at("layer1.0.conv1");
  EXPECT_EQ(layer.at("flops"), 2 * 3 * 9 * 16 * 16 * 64);
  EXPECT_EQ(layer.at("bytes"), 4 * (3 * 2 * 16 * 64 + 9 * 16 * 16 + 16));
  // The reference has no steps of an engine.
  EXPECT_TRUE(
      benchmark("infer", "reference").at("by_layer").at("layers").empty());
}

}  // namespace
}  // namespace skipzoo
