#include <cmath>
#include <iomanip>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/cli/benchmark_gpu.h"

namespace skipzoo {

namespace {

constexpr double kTera = 1e12;
constexpr int64_t kMegabyte = 1 << 20;

double to_hundredths(double value) { return std::round(value * 100) / 100; }

double milliseconds(double seconds) { return std::round(seconds * 1e6) / 1e3; }

}  // namespace

std::string gpu_json(const GpuReport& report, double seconds) {
  nlohmann::ordered_json json = {
      {"peak_mb", report.memory.allocated / kMegabyte},
      {"reserved_mb", report.memory.reserved / kMegabyte},
      {"tflop_per_s", to_hundredths(report.flops / seconds / kTera)},
      {"card_tflop_per_s", to_hundredths(report.card.flops / kTera)},
      {"tb_per_s", to_hundredths(report.bytes / seconds / kTera)},
      {"card_tb_per_s", to_hundredths(report.card.bytes / kTera)},
      {"gb_per_step", to_hundredths(report.bytes / 1e9)}};
  for (const auto& [name, of_kernel] : report.kernels) {
    json["kernels"].push_back(
        {{"kernel", name}, {"ms", milliseconds(of_kernel)}});
  }
  return json.dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string gpu_text(const GpuReport& report, double seconds) {
  std::ostringstream out;
  out << "at most " << report.memory.allocated / kMegabyte
      << " MB of the GPU's memory in use, "
      << report.memory.reserved / kMegabyte << " MB taken; " << std::fixed
      << std::setprecision(1) << report.flops / seconds / kTera
      << " TFLOP/s, the card " << report.card.flops / kTera
      << " in a product of large matrices; LibTorch's operators, each by "
         "itself, would read and write "
      << report.bytes / 1e9 << " GB a step: " << std::setprecision(2)
      << report.bytes / seconds / kTera << " TB/s, the card "
      << report.card.bytes / kTera << " in a large copy\n";
  if (report.kernels.empty()) return out.str();
  constexpr size_t kMost = 30;
  double sum = 0;
  for (const auto& kernel : report.kernels) sum += kernel.second;
  out << std::setprecision(3) << std::setw(9) << sum * 1e3
      << " ms  all kernels of a step, of " << seconds * 1e3 << " ms\n";
  for (size_t i = 0; i < report.kernels.size() && i < kMost; ++i) {
    out << std::setw(9) << report.kernels[i].second * 1e3 << " ms  "
        << report.kernels[i].first << '\n';
  }
  return out.str();
}

}  // namespace skipzoo
