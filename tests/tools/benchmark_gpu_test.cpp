// What `benchmark` makes of a GPU's times, without a GPU.
#include "tools/cli/benchmark_gpu.h"

#include <gtest/gtest.h>
#include <torch/types.h>

#include <nlohmann/json.hpp>
#include <string>

#include "tools/cli/benchmark_windows.h"

namespace skipzoo {
namespace {

/// A device on which steps take so long each, and the calls it got.
struct FakeDevice {
  Windows windows(std::vector<double> seconds_of_step) {
    return {.launch =
                [this, seconds_of_step] {
                  said += "launch ";
                  now += seconds_of_step[steps++ % seconds_of_step.size()];
                },
            .start =
                [this] {
                  said += "start ";
                  started = now;
                },
            .stop =
                [this] {
                  said += "stop ";
                  return now - started;
                },
            .goes_on = [](int64_t count, double) { return count < 3; },
            .steps = 2};
  }
  std::string said;
  size_t steps = 0;
  double now = 100, started = 0;
};

TEST(Windows, WaitAtTheirEndsAlone) {
  FakeDevice device;
  const auto seconds = seconds_of_windows(device.windows({1, 3, 5, 7, 2, 2}));
  EXPECT_EQ(device.said,
            "start launch launch stop start launch launch stop "
            "start launch launch stop ");
  EXPECT_EQ(seconds, (std::vector<double>{2, 6, 2}));
}

TEST(Windows, GoOnForAsLongAsTheyAreAskedTo) {
  FakeDevice device;
  auto windows = device.windows({0.25});
  std::vector<double> elapsed;
  windows.goes_on = [&](int64_t count, double seconds) {
    EXPECT_EQ(count, std::ssize(elapsed) + 1);
    elapsed.push_back(seconds);
    return seconds < 1.9;
  };
  EXPECT_EQ(seconds_of_windows(windows).size(), 4u);
  EXPECT_EQ(elapsed, (std::vector<double>{0.5, 1, 1.5, 2}));
}

TEST(Windows, MedianIsTheMiddleOne) {
  EXPECT_EQ(median_of({3}), 3);
  EXPECT_EQ(median_of({9, 1, 2}), 2);
  EXPECT_EQ(median_of({4, 1, 3, 2}), 3);
}

GpuReport some_report() {
  return {.memory = {.allocated = int64_t{3} << 30,
                     .reserved = (int64_t{4} << 30) + 1},
          .flops = 2e12,
          .bytes = 40e9,
          .card = {.flops = 790e12, .bytes = 4.3e12},
          .kernels = {{"conv", 0.008}, {"norm\"<float>", 0.0015}}};
}

TEST(GpuReport, IsInTheUnitsOfPeersScripts) {
  const auto json = nlohmann::json::parse(gpu_json(some_report(), 0.02));
  EXPECT_EQ(json.at("peak_mb"), 3072);
  EXPECT_EQ(json.at("reserved_mb"), 4096);
  EXPECT_EQ(json.at("tflop_per_s"), 100);
  EXPECT_EQ(json.at("card_tflop_per_s"), 790);
  EXPECT_EQ(json.at("tb_per_s"), 2);
  EXPECT_EQ(json.at("card_tb_per_s"), 4.3);
  EXPECT_EQ(json.at("gb_per_step"), 40);
  ASSERT_EQ(json.at("kernels").size(), 2u);
  EXPECT_EQ(json.at("kernels")[0].at("ms"), 8);
  EXPECT_EQ(json.at("kernels")[1].at("kernel"), "norm\"<float>");
  auto plain = some_report();
  plain.kernels.clear();
  EXPECT_FALSE(nlohmann::json::parse(gpu_json(plain, 1)).contains("kernels"));
}

TEST(GpuReport, SaysWhatTheCardDoes) {
  const auto text = gpu_text(some_report(), 0.02);
  for (const char* words : {"3072 MB of the GPU's memory in use",
                            "4096 MB taken", "100.0 TFLOP/s, the card 790.0",
                            "40.0 GB a step", "2.00 TB/s, the card 4.30",
                            "9.500 ms  all kernels of a step, of 20.000",
                            "8.000 ms  conv\n", "1.500 ms  norm\"<float>\n"}) {
    EXPECT_NE(text.find(words), std::string::npos) << words << " in " << text;
  }
}

TEST(KernelTimes, AreThoseOfTheProfiler) {
  const auto a = torch::randn({64, 64});
  const auto times = kernel_times(
      [&] {
        for (int i = 0; i < 5; ++i) torch::mm(a, a);
        torch::relu(a);
      },
      torch::kCPU);
  if (times.empty()) GTEST_SKIP() << "this LibTorch is without a profiler";
  double of_product = 0;
  for (size_t i = 0; i < times.size(); ++i) {
    if (times[i].first == "aten::mm") of_product = times[i].second;
    if (i > 0) {
      EXPECT_LE(times[i].second, times[i - 1].second);
    }
  }
  EXPECT_GT(of_product, 0);
}

}  // namespace
}  // namespace skipzoo
