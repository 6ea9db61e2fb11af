#pragma once

#include <gtest/gtest.h>
#include <torch/cuda.h>

#include <filesystem>
#include <string>
#include <vector>

#include "tests/support/process.h"
#include "tools/report/history.h"

namespace skipzoo {

/// Runs on CUDA as a user starts them. Skipped where there is no device.
class CudaRun : public testing::Test {
 protected:
  void SetUp() override {
    if (!torch::cuda::is_available()) GTEST_SKIP() << "no CUDA device here";
  }
  static std::string config(const std::string& name) {
    return std::string(SKIPZOO_CONFIGS) + "/digits/" + name + ".yaml";
  }
  /// Trains to the end.
  static Finished trained(const std::string& name,
                          const std::filesystem::path& run,
                          const std::vector<std::string>& more = {}) {
    std::vector<std::string> arguments = {
        "train", "-c", config(name), "-o", run.string(), "--device", "cuda"};
    arguments.insert(arguments.end(), more.begin(), more.end());
    auto finished = run_skipzoo(arguments);
    EXPECT_EQ(finished.exit_code, 0) << finished.err;
    EXPECT_NE(finished.err.find("cuda:0"), std::string::npos) << finished.err;
    return finished;
  }
  /// The same; returns the run's rows.
  static std::vector<EpochRow> train(
      const std::string& name, const std::filesystem::path& run,
      const std::vector<std::string>& more = {}) {
    trained(name, run, more);
    auto rows = read_csv(run / "summary.csv");
    if (rows.empty()) rows.emplace_back();  // Learned nothing.
    return rows;
  }
};

}  // namespace skipzoo
