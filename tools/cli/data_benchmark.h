#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

struct RunConfig;

/// What to measure of the data of a config.
struct DataBenchmark {
  std::string name;  ///< Of the config, in the report.
  /// Where the pictures are normalised.
  torch::Device device = torch::kCPU;
  std::vector<int64_t> workers;  ///< One after the other; none: the config's.
  double seconds = 5;            ///< For each, at least.
  bool json = false;
};

/// Measures how fast training would be fed if the network took no time: the
/// loader with the config's augmentation, and normalisation. By number of
/// workers, pictures a second, CPU time a picture of all threads, and what of
/// it is decoding, resizing, augmentation and the rest: cutting out, batches,
/// normalisation. On standard output, as a table or as JSON. Throws as what
/// reads the data does.
void benchmark_data(const RunConfig& config, const DataBenchmark& asked);

}  // namespace skipzoo
