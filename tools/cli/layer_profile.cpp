#include "tools/cli/layer_profile.h"

#include <torch/types.h>

#include <algorithm>
#include <chrono>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/engine.h"
#include "tools/train/operator_times.h"

namespace skipzoo {

namespace {

template <typename Run>
double seconds_of(const Run& run) {
  const auto start = std::chrono::steady_clock::now();
  run();
  const auto end = std::chrono::steady_clock::now();
  return std::chrono::duration<double>(end - start).count();
}

template <typename Run>
double median_seconds(int64_t runs, const Run& run) {
  run();
  LayerTime whole;
  for (int64_t i = 0; i < runs; ++i) whole.seconds.push_back(seconds_of(run));
  return whole.median();
}

}  // namespace

LayerProfile profile_layers(Engine& engine, const torch::Tensor& images,
                            double seconds) {
  const torch::NoGradGuard no_grad;
  LayerProfile profile;
  const auto run = [&] { engine(images); };
  run();
  const auto runs = std::clamp<int64_t>(
      static_cast<int64_t>(seconds / seconds_of(run)), 5, 10'000);
  profile.run = median_seconds(runs, run);
  profile.layers = engine.layer_times(images, runs);
  {
    const OperatorTimes times;
    for (int64_t i = 0; i < runs; ++i) run();
    for (const auto& kind : times.by_kind()) {
      profile.kernels += kind.second / static_cast<double>(runs);
    }
  }
  constexpr int64_t kSide = 1024, kSize = 1 << 25, kRuns = 9;
  const auto a = torch::rand({kSide, kSide}), b = torch::rand({kSide, kSide});
  profile.machine_flops = 2e0 * kSide * kSide * kSide /
                          median_seconds(kRuns, [&] { torch::mm(a, b); });
  const auto from = torch::zeros(kSize), to = torch::empty(kSize);
  profile.machine_bytes = 2e0 * kSize * sizeof(float) /
                          median_seconds(kRuns, [&] { to.copy_(from); });
  return profile;
}

std::string layers_json(const LayerProfile& profile) {
  nlohmann::ordered_json json = {
      {"run_ms", profile.run * 1e3},
      {"kernels_ms", profile.kernels * 1e3},
      {"machine_gflops", profile.machine_flops / 1e9},
      {"machine_gbytes_per_s", profile.machine_bytes / 1e9},
      {"layers", nlohmann::ordered_json::array()}};
  for (const auto& layer : profile.layers) {
    json["layers"].push_back({{"layer", layer.name},
                              {"ms", layer.median() * 1e3},
                              {"flops", layer.flops},
                              {"bytes", layer.bytes}});
  }
  return json.dump();
}

void print_layers(const LayerProfile& profile) {
  auto& out = std::cout;
  const auto row = [&](const std::string& name, double seconds, double flops,
                       double bytes) {
    out << std::left << std::setw(36) << name << std::right << std::fixed
        << std::setw(9) << std::setprecision(3) << seconds * 1e3
        << std::setprecision(1) << std::setw(9) << flops / seconds / 1e9
        << std::setw(9) << bytes / seconds / 1e9 << '\n';
  };
  out << std::left << std::setw(36) << "layer" << std::right << std::setw(9)
      << "ms" << std::setw(9) << "GFLOP/s" << std::setw(9) << "GB/s" << '\n';
  double sum = 0, flops = 0, bytes = 0;
  for (const auto& layer : profile.layers) {
    const double seconds = layer.median();
    row(layer.name, seconds, layer.flops, layer.bytes);
    sum += seconds;
    flops += layer.flops;
    bytes += layer.bytes;
  }
  row("all", sum, flops, bytes);
  row("this machine: a product, a copy", 1, profile.machine_flops,
      profile.machine_bytes);
  out << std::setprecision(3) << "a run takes " << profile.run * 1e3
      << " ms, its kernels " << profile.kernels * 1e3
      << " ms: " << std::setprecision(2) << profile.run / profile.kernels
      << " times those\n";
}

}  // namespace skipzoo
