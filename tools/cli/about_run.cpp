#include "tools/cli/about_run.h"

#include <sys/utsname.h>
#include <torch/version.h>

#include <stdexcept>

#include "models/classifier.h"
#include "models/kernels/simd/processor.h"
#include "models/summary.h"
#include "tools/cli/run.h"
#include "tools/device.h"
#include "tools/error.h"
#include "tools/number_text.h"

namespace skipzoo {

namespace {

/// Asked before anything runs: a word that is wrong is the user's.
Isa chosen_isa() {
  try {
    return isa();
  } catch (const std::invalid_argument& error) {
    throw ConfigError(error.what());
  }
}

std::string torch_text() {
#ifdef SKIPZOO_TORCH_CUDA
  return TORCH_VERSION " with CUDA";
#else
  return TORCH_VERSION " without CUDA";
#endif
}

std::string system_text() {
  utsname names{};
  if (uname(&names) != 0) return "unknown";
  return std::string(names.sysname) + " " + names.release + ", " +
         names.machine;
}

}  // namespace

std::string version_text() {
  return "skipzoo " SKIPZOO_VERSION ", LibTorch " + torch_text() +
         ", compiler " __VERSION__ ", kernels for " +
         std::string(name_of(chosen_isa()));
}

RunAbout about_run(Classifier* model, const RunConfig& config,
                   const Dataset& pictures, const torch::Device& device) {
  RunAbout about;
  const auto shape = picture_shape(config, pictures);
  const auto layers = model == nullptr ? std::vector<LayerSummary>()
                                       : summarise(*model, shape).layers;
  for (const auto& layer : layers) {
    about.layers.push_back({.name = layer.name,
                            .output = sizes_text(layer.output_shape),
                            .parameters = layer.parameters,
                            .macs = layer.macs});
  }
  about.environment = {{"skipzoo", SKIPZOO_VERSION},
                       {"LibTorch", torch_text()},
                       {"Compiler", __VERSION__},
                       {"Device", describe_device(device)},
                       {"Kernels", std::string(name_of(chosen_isa()))},
                       {"System", system_text()},
                       {"Picture", sizes_text(shape)},
                       {"Seed", std::to_string(config.train.seed)}};
  return about;
}

}  // namespace skipzoo
