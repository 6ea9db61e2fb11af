#include "tools/cli/benchmark_report.h"

#include <cmath>
#include <filesystem>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "models/kernels/simd/processor.h"
#include "tools/cli/benchmark_step.h"
#include "tools/cli/layer_choices.h"
#include "tools/cli/layer_profile.h"
#include "tools/device.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

double rounded(double value, int digits) {
  const double scale = std::pow(10, digits);
  return std::round(value * scale) / scale;
}

/// As --dtype takes it.
std::string type_name(Amp amp) {
  return amp == Amp::kOff ? "fp32" : std::string(name_of(amp));
}

ordered_json about(const BenchmarkArguments& args) {
  return {{"model", model_name(args)},
          {"mode", args.train ? "train" : "infer"},
          {"dtype", type_name(args.amp)},
          {"batch", args.batch},
          {"isa", name_of(isa())}};
}

/// "resnet20, train, fp32, batch 128, cpu, 2 threads, avx2"
void print_about(const ordered_json& about, torch::Device device) {
  std::cout << about["model"].get<std::string>() << ", "
            << about["mode"].get<std::string>() << ", "
            << about["dtype"].get<std::string>() << ", batch " << about["batch"]
            << ", " << describe_device(device)
            << (device.is_cpu() ? ", " + about["isa"].get<std::string>() : "");
}

void print_json(const ordered_json& json) {
  std::cout << json.dump(-1, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

/// What several processes add to a report.
void report_processes(const Measured& measured, int64_t processes,
                      ordered_json& json) {
  json["processes"] = processes;
  if (measured.reduction) {
    json["reduction_ms"] = rounded(measured.reduction->all * 1e3, 3);
    json["exposed_ms"] = rounded(measured.reduction->exposed * 1e3, 3);
  }
  constexpr double kBits = 8e-9, kMicroseconds = 1e6;
  json["link_gbit_s"] = rounded(measured.link->bytes_per_s * kBits, 3);
  json["latency_us"] = rounded(measured.link->latency_s * kMicroseconds, 1);
}

ordered_json report(const BenchmarkArguments& args, const Measured& measured,
                    int64_t processes) {
  // Of steps so short that a hundredth of a millisecond is a part of them.
  const int digits = measured.median() < 0.01 ? 4 : 2;
  ordered_json json = {{"peer", "skipzoo"}};
  json.update(about(args));
  json.update(
      {{"images_per_s",
        rounded(static_cast<double>(args.batch * processes) / measured.median(),
                2)},
       {"ms_median", rounded(measured.median() * 1e3, digits)},
       {"ms_min", rounded(measured.seconds.front() * 1e3, digits)},
       {"setup_s", rounded(measured.setup, 1)},
       {"peak_rss_mb", measured.peak_rss_mb},
       {"difference", measured.differences.from_reference}});
  if (measured.differences.of_rounding) {
    json["difference_of_rounding"] = *measured.differences.of_rounding;
  }
  if (processes > 1) report_processes(measured, processes, json);
  if (measured.gpu) {
    json.update(
        ordered_json::parse(gpu_json(*measured.gpu, measured.median())));
    return json;
  }
  if (!args.profile) return json;
  double sum = 0;
  for (const auto& kind : measured.kinds) sum += kind.second;
  for (const auto& [kind, seconds] : measured.kinds) {
    json["profile"][kind] = rounded(seconds / sum, 4);
  }
  if (measured.layers) {
    json["by_layer"] =
        nlohmann::ordered_json::parse(layers_json(*measured.layers));
  }
  return json;
}

void print_text(const BenchmarkArguments& args, const ordered_json& json,
                const Measured& measured, torch::Device device) {
  print_about(json, device);
  std::cout << ": " << json["images_per_s"] << " images/s (median step "
            << json["ms_median"] << " ms, least " << json["ms_min"]
            << " ms), at most " << json["peak_rss_mb"]
            << " MB of memory; largest difference from the reference "
            << json["difference"];
  if (args.amp != Amp::kOff) {
    std::cout << " (" << type_name(args.amp) << " alone makes "
              << json["difference_of_rounding"] << ')';
  }
  std::cout << '\n';
  if (json.contains("processes")) {
    std::cout << json["processes"] << " processes";
    if (measured.reduction) {
      std::cout << ": their gradients are summed in " << json["reduction_ms"]
                << " ms, of which " << json["exposed_ms"]
                << " ms are behind the backward pass";
    }
    std::cout << "; a message between them takes " << json["latency_us"]
              << " us and " << json["link_gbit_s"] << " Gbit/s\n";
  }
  if (measured.gpu) std::cout << gpu_text(*measured.gpu, measured.median());
  if (!args.profile || measured.gpu) return;
  for (const auto& [kind, share] : json["profile"].items()) {
    std::cout << std::left << std::setw(14) << kind << std::right
              << std::setw(7) << std::fixed << std::setprecision(1)
              << 100 * share.get<double>() << " %\n";
  }
  if (measured.layers && !measured.layers->layers.empty()) {
    print_layers(*measured.layers);
  }
}

}  // namespace

std::string model_name(const BenchmarkArguments& args) {
  return std::filesystem::path(args.config).stem().string();
}

void print_measured(const BenchmarkArguments& args, const Measured& measured,
                    int64_t processes, torch::Device device) {
  const auto json = report(args, measured, processes);
  if (args.json) {
    print_json(json);
  } else {
    print_text(args, json, measured, device);
  }
}

void print_explanation(const BenchmarkArguments& args, const RunConfig& config,
                       torch::Device device) {
  if (!device.is_cpu()) {
    throw ConfigError(
        "--explain: only on the CPU are there algorithms to choose from; add "
        "--device cpu");
  }
  const auto layers = layer_choices(
      make_step(config,
                {.train = args.train, .amp = args.amp, .batch = args.batch},
                device),
      args.train);
  auto json = about(args);
  if (args.json) {
    json["layers"] = ordered_json::parse(choices_json(layers));
    print_json(json);
    return;
  }
  print_about(json, device);
  std::cout << '\n';
  print_choices(layers, args.train);
}

}  // namespace skipzoo
