#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/cli/benchmark_measure.h"
#include "tools/config/run_config.h"

namespace skipzoo {

enum class BenchmarkMode { kInfer, kTrain, kData };

/// What `skipzoo benchmark` is asked for.
struct BenchmarkArguments {
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  BenchmarkMode mode = BenchmarkMode::kInfer;
  bool train = false;
  Amp amp = Amp::kOff;
  int64_t batch = 0;  ///< 0: the config's.
  int64_t threads = 0;
  std::vector<int64_t> workers;  ///< None: the config's.
  double seconds = 5;
  bool profile = false;
  bool explain = false;
  bool json = false;
  int64_t nproc = 1;
};

/// The config's name without its folder.
std::string model_name(const BenchmarkArguments& args);

/// Prints what was measured in so many processes.
void print_measured(const BenchmarkArguments& args, const Measured& measured,
                    int64_t processes, torch::Device device);

/// Prints which algorithm each layer takes in one step, which is not measured.
/// Throws ConfigError where that is not on the CPU.
void print_explanation(const BenchmarkArguments& args, const RunConfig& config,
                       torch::Device device);

}  // namespace skipzoo
