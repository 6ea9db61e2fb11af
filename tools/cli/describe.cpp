#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "models/make_model.h"
#include "models/summary.h"
#include "tools/cli/commands.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/number_text.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

void print_network(const RunConfig& config, bool json) {
  const auto shape = input_shape(config);
  const auto model = make_model(config.model);
  check_memory(*model, config, shape, Work::kForward);
  check_passes(*model, shape);
  const NetworkSummary summary = summarise(*model, shape);
  if (json) {
    ordered_json layers = ordered_json::array();
    for (const auto& layer : summary.layers) {
      layers.push_back({{"name", layer.name},
                        {"output_shape", layer.output_shape},
                        {"parameters", layer.parameters},
                        {"macs", layer.macs}});
    }
    std::cout << ordered_json{{"family", family_name(config.model)},
                              {"input_shape", shape},
                              {"parameters", summary.parameters},
                              {"macs", summary.macs},
                              {"layers", layers}}
                     .dump(2)
              << '\n';
    return;
  }
  std::cout << family_name(config.model) << " on " << sizes_text(shape)
            << " images\n\n"
            << std::left << std::setw(44) << "layer" << std::setw(14)
            << "output" << std::right << std::setw(14) << "parameters"
            << std::setw(18) << "MACs" << '\n';
  for (const auto& layer : summary.layers) {
    std::cout << std::left << std::setw(44) << layer.name << std::setw(14)
              << sizes_text(layer.output_shape) << std::right << std::setw(14)
              << with_commas(layer.parameters) << std::setw(18)
              << with_commas(layer.macs) << '\n';
  }
  std::cout << std::left << std::setw(58) << "total" << std::right
            << std::setw(14) << with_commas(summary.parameters) << std::setw(18)
            << with_commas(summary.macs) << '\n';
}

struct Section {
  std::string title;
  std::vector<KeyDescription> keys;
};

std::vector<Section> sections(const std::string& wanted) {
  std::vector<Section> found;
  std::string names;
  for (const auto& family : families()) {
    const auto name = family_name(family);
    names += name + ", ";
    if (wanted.empty() || wanted == name) {
      found.push_back({"model (family: " + name + ")", describe_keys(family)});
    }
  }
  if (wanted.empty() || wanted == "data") {
    found.push_back({"data", describe_data_keys()});
  }
  if (wanted.empty() || wanted == "train") {
    found.push_back({"train", describe_train_keys()});
  }
  if (wanted.empty() || wanted == "fine_tune") {
    found.push_back({"fine_tune", describe_fine_tune_keys()});
  }
  if (wanted.empty() || wanted == "study") {
    found.push_back({"study", describe_study_keys()});
  }
  if (found.empty()) {
    throw ConfigError("describe: unknown family '" + wanted + "'; one of " +
                      names + "data, train, fine_tune, study");
  }
  return found;
}

void print_keys(const std::string& wanted, bool json) {
  ordered_json object;
  for (const auto& section : sections(wanted)) {
    if (!json) std::cout << section.title << '\n';
    size_t widest = 28;
    for (const auto& key : section.keys) {
      widest = std::max(widest, key.key.size());
    }
    const size_t column = widest + 2;
    for (const auto& key : section.keys) {
      if (json) {
        object[section.title].push_back({{"key", key.key},
                                         {"type", key.type},
                                         {"range", key.range},
                                         {"default", key.initial},
                                         {"meaning", key.meaning}});
        continue;
      }
      std::ostringstream type;
      type << key.type << (key.range.empty() ? "" : ", ") << key.range;
      std::cout << "  " << key.key << std::string(column - key.key.size(), ' ')
                << type.str() << "; default " << key.initial << '\n'
                << std::string(2 + column, ' ') << key.meaning << '\n';
    }
    if (!json) std::cout << '\n';
  }
  if (json) std::cout << object.dump(2) << '\n';
}

}  // namespace

void add_describe(CLI::App& app) {
  struct Arguments {
    std::string family;
    std::string config;
    std::vector<std::string> overrides;
    bool json = false;
  };
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "describe", "List config keys, or a network's layers and sizes");
  command->add_option("family", args->family,
                      "A family, or the section data, train, fine_tune or "
                      "study; all without it");
  command->add_option("-c,--config", args->config,
                      "Describe the network of this config, layer by layer");
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_flag("--json", args->json, "Print JSON");
  command->footer(
      "Examples:\n  skipzoo describe resnet\n"
      "  skipzoo describe -c configs/imagenet/resnet50.yaml");
  command->callback([args] {
    if (args->config.empty()) {
      print_keys(args->family, args->json);
    } else {
      print_network(load_config(args->config, args->overrides).config,
                    args->json);
    }
  });
}

}  // namespace skipzoo
