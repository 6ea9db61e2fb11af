#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <sstream>

#include "tools/cli/commands.h"
#include "tools/error.h"
#include "tools/run/found_weights.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;
using Rows = std::vector<const PublishedWeights*>;

struct WeightsArguments {
  std::vector<std::string> names;
  bool fetch = false;
  bool json = false;
};

/// What the names are of: a network's alone are all its versions, where they
/// are to be listed, or its default, where they are to be fetched. All without
/// names.
Rows rows_of(const WeightsArguments& args) {
  Rows rows;
  for (const auto& name : args.names) {
    const auto* found = find_published(name);
    if (found == nullptr) {
      throw ConfigError("weights: " + name + ": " + no_published(name));
    }
    for (const auto& weights : published_weights()) {
      const bool is_version = !args.fetch && weights.network == name;
      if (is_version || &weights == found) rows.push_back(&weights);
    }
  }
  if (!args.names.empty()) return rows;
  for (const auto& weights : published_weights()) rows.push_back(&weights);
  return rows;
}

ordered_json json_of(const PublishedWeights& weights) {
  ordered_json json = {{"name", weights.name()},
                       {"network", weights.network},
                       {"version", weights.version},
                       {"default", weights.is_default},
                       {"address", weights.address()},
                       {"sha256", weights.sha256()},
                       {"mebibytes", weights.mebibytes},
                       {"parameters", weights.parameters()},
                       {"top1", weights.top1},
                       {"top5", weights.top5},
                       {"resize_size", weights.resize_size},
                       {"image_size", weights.image_size},
                       {"interpolation", weights.interpolation},
                       {"mean", weights.mean},
                       {"std", weights.std},
                       {"config", weights.config()},
                       {"file", nullptr}};
  const auto file = published_file(weights);
  if (!file.empty()) json["file"] = file.string();
  return json;
}

void print_row(std::ostream& out, const PublishedWeights& weights) {
  const auto file = published_file(weights);
  out << std::left << std::setw(33)
      << weights.name() + (weights.is_default ? " *" : "") << std::right
      << std::fixed << std::setprecision(3) << std::setw(7) << weights.top1
      << std::setw(8) << weights.top5 << std::setprecision(1) << std::setw(7)
      << static_cast<double>(weights.parameters()) / 1e6 << 'M' << std::setw(7)
      << weights.mebibytes << "  " << std::left << std::setw(39)
      << weights.config() << (file.empty() ? "-" : file.string()) << '\n';
}

void print_rows(const Rows& rows) {
  std::ostringstream text;
  text << std::left << std::setw(33) << "name" << std::right << std::setw(7)
       << "top-1" << std::setw(8) << "top-5" << std::setw(8) << "params"
       << std::setw(7) << "MiB"
       << "  " << std::left << std::setw(39) << "config"
       << "file\n";
  for (const auto* weights : rows) print_row(text, *weights);
  const auto folder = published_folder();
  text << "\n* is what the network's name alone stands for. Files are looked "
          "for in\n"
       << (folder.empty() ? "" : folder.string() + " and ")
       << "the working folder.\n";
  std::cout << text.str();
}

void run_weights(const WeightsArguments& args) {
  if (args.fetch && args.names.empty()) {
    throw ConfigError(
        "weights: --fetch: name what is to be fetched, e.g. resnet50");
  }
  const Rows rows = rows_of(args);
  FetchOptions fetch;
  show_fetching(fetch);
  ordered_json list = ordered_json::array();
  for (const auto* weights : rows) {
    if (args.fetch) {
      const auto file = fetch_published(*weights, fetch);
      if (!args.json) std::cout << file.string() << '\n';
    }
    if (args.json) list.push_back(json_of(*weights));
  }
  if (args.json) {
    std::cout << list.dump(2, ' ', false,
                           ordered_json::error_handler_t::replace)
              << '\n';
  } else if (!args.fetch) {
    print_rows(rows);
  }
}

}  // namespace

void add_weights(CLI::App& app) {
  auto args = std::make_shared<WeightsArguments>();
  CLI::App* command = app.add_subcommand(
      "weights", "List torchvision's published weights, or fetch some ahead");
  command->add_option("names", args->names,
                      "A network or one version of it, as resnet50 or "
                      "resnet50:IMAGENET1K_V1; all without it");
  command->add_flag("--fetch", args->fetch,
                    "Fetch these, of a network its default, and print where "
                    "they lie");
  command->add_flag("--json", args->json, "Print JSON");
  command->footer(
      "Every command that takes a weight file takes these names too, and "
      "fetches\nwhat is not here yet. A file or folder of that name goes "
      "first.\n"
      "Examples:\n"
      "  skipzoo weights\n"
      "  skipzoo weights --fetch resnet50 densenet121\n"
      "  skipzoo predict resnet50 photo.jpg");
  command->callback([args] { run_weights(*args); });
}

}  // namespace skipzoo
