#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <regex>

#include "tools/cli/commands.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/weights/fit.h"
#include "tools/weights/sha256.h"
#include "tools/weights/weight_file.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;
using nlohmann::ordered_json;

struct Arguments {
  fs::path file;
  fs::path configs;
  bool json = false;
};

/// A config whose network has these names and shapes.
struct Fitting {
  std::string config;
  std::string but;  ///< What does not fit: a head for other classes; or empty.
};

/// What is said of a file besides its tensors.
struct Findings {
  std::string sha256;
  /// The digits that its name ends in, as published weights do, or none.
  std::string named_digits;
  fs::path configs;  ///< Where they were looked for; empty: nowhere.
  std::vector<Fitting> fits;

  bool is_as_named() const { return sha256.starts_with(named_digits); }
};

int64_t count_convolutions(const NamedTensors& tensors) {
  return std::count_if(tensors.begin(), tensors.end(), [](const auto& entry) {
    return entry.second.dim() == 4;
  });
}

/// Beside a build folder, in an installation, or here.
fs::path find_configs() {
  std::error_code ignored;
  const auto program = fs::read_symlink("/proc/self/exe", ignored);
  const auto folder = program.parent_path();
  for (const auto& candidate :
       {folder / "../configs", folder / "../share/skipzoo/configs",
        fs::path("configs")}) {
    if (fs::is_directory(candidate)) return candidate.lexically_normal();
  }
  return {};
}

std::vector<Fitting> fitting_configs(const NamedTensors& tensors,
                                     const fs::path& folder) {
  std::vector<Fitting> fitting;
  if (folder.empty()) return fitting;
  const int64_t convolutions = count_convolutions(tensors);
  for (const auto& entry : fs::recursive_directory_iterator(folder)) {
    if (entry.path().extension() != ".yaml") continue;
    std::shared_ptr<Classifier> model;
    try {
      model = make_uninitialised(load_config(entry.path()).config.model);
    } catch (const ConfigError&) {
      continue;  // Not a config of a run; `train` would say why.
    }
    // Comparing names takes longer. One more: a head that is a convolution.
    const int64_t own = count_convolutions(state_dict(*model));
    if (convolutions < own || convolutions > own + 1) continue;
    const auto report = Fit(tensors, *model, Head::kMayBeNew).report();
    if (!report.complete()) continue;
    std::string but;
    for (const auto& sentence : report.adapted) {
      but += (but.empty() ? "" : ", ") + sentence;
    }
    fitting.push_back({entry.path().string(), but});
  }
  std::sort(fitting.begin(), fitting.end(), [](const auto& a, const auto& b) {
    return std::make_pair(!a.but.empty(), a.config) <
           std::make_pair(!b.but.empty(), b.config);
  });
  return fitting;
}

/// "0676ba61" of resnet50-0676ba61.pth.
std::string digits_in_name(const fs::path& file) {
  static const std::regex pattern("-([0-9a-f]{8,64})$");
  std::smatch match;
  const auto stem = file.stem().string();
  return std::regex_search(stem, match, pattern) ? match[1].str() : "";
}

void print_json(const WeightFile& file, const Findings& findings) {
  ordered_json tensors = ordered_json::array();
  for (const auto& [name, tensor] : file.tensors) {
    tensors.push_back({{"name", name},
                       {"shape", tensor.sizes().vec()},
                       {"type", c10::toString(tensor.scalar_type())},
                       {"bytes", tensor.nbytes()}});
  }
  ordered_json fits = ordered_json::array();
  for (const auto& fitting : findings.fits) {
    fits.push_back({{"config", fitting.config}, {"but", fitting.but}});
  }
  ordered_json as_named;  // null where the name says nothing.
  if (!findings.named_digits.empty()) as_named = findings.is_as_named();
  std::cout << ordered_json{{"kind", kind_text(file.kind)},
                            {"wrapper", file.wrapper},
                            {"sha256", findings.sha256},
                            {"sha256_is_as_named", as_named},
                            {"fits", fits},
                            {"tensors", tensors}}
                   .dump(2, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

void print_text(const WeightFile& file, const Findings& findings) {
  size_t bytes = 0;
  for (const auto& entry : file.tensors) bytes += entry.second.nbytes();
  std::cout << kind_text(file.kind)
            << (file.wrapper.empty() ? "" : ", weights under " + file.wrapper)
            << ", " << file.tensors.size() << " tensors, " << bytes
            << " bytes\nsha256 " << findings.sha256;
  if (!findings.named_digits.empty()) {
    std::cout << (findings.is_as_named()
                      ? ", as its name says"
                      : ", but its name says " + findings.named_digits +
                            ": another file, or a damaged one");
  }
  std::cout << '\n';
  if (findings.fits.empty()) {
    std::cout << (findings.configs.empty()
                      ? "no configs were found to try; name some by --configs\n"
                      : "fits no config in " + findings.configs.string() +
                            "\n");
  }
  for (const auto& [config, but] : findings.fits) {
    std::cout << "fits " << config << (but.empty() ? "" : ", but for " + but)
              << '\n';
  }
  std::cout << '\n';
  for (const auto& [name, tensor] : file.tensors) {
    std::cout << std::left << std::setw(48) << name << std::setw(10)
              << c10::toString(tensor.scalar_type()) << tensor.sizes() << '\n';
  }
}

void run(const Arguments& args) {
  const WeightFile file = read_weight_file(args.file, {.shapes_only = true});
  if (!args.configs.empty() && !fs::is_directory(args.configs)) {
    throw FileError(args.configs, "no such folder of configs");
  }
  const auto configs = args.configs.empty() ? find_configs() : args.configs;
  const Findings findings = {.sha256 = sha256_of_file(args.file),
                             .named_digits = digits_in_name(args.file),
                             .configs = configs,
                             .fits = fitting_configs(file.tensors, configs)};
  args.json ? print_json(file, findings) : print_text(file, findings);
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "inspect",
      "What is in a weight file: names, shapes, types; which configs it fits");
  command
      ->add_option("file", args->file, "A .pth, .th, .safetensors, .pt or .skz")
      ->required();
  command->add_option("--configs", args->configs,
                      "Configs to try, by names and shapes; else skipzoo's");
  command->add_flag("--json", args->json, "Print JSON");
  command->footer("Example:\n  skipzoo inspect resnet50-0676ba61.pth");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
