#include <c10/util/Exception.h>

#include <algorithm>
#include <map>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/commands.h"
#include "tools/cli/inspect_report.h"
#include "tools/config/run_config.h"
#include "tools/error.h"
#include "tools/export/onnx_model.h"
#include "tools/file.h"
#include "tools/run/found_weights.h"
#include "tools/sha256.h"
#include "tools/weights/fit.h"
#include "tools/weights/remarks.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  fs::path file;
  fs::path configs;
  std::string key;
  bool json = false;
  FetchOptions fetch;
};

/// How many convolutions there are of each shape, but for the first of a
/// network, which is adapted to other numbers of channels.
using Convolutions = std::map<std::vector<int64_t>, int64_t>;

Convolutions convolutions_of(const NamedTensors& tensors, bool with_first) {
  Convolutions counts;
  for (const auto& entry : tensors) {
    if (entry.second.dim() != 4) continue;
    if (with_first) ++counts[entry.second.sizes().vec()];
    with_first = true;
  }
  return counts;
}

bool has_all(const Convolutions& file, const Convolutions& network) {
  return std::all_of(network.begin(), network.end(), [&](const auto& needed) {
    const auto found = file.find(needed.first);
    return found != file.end() && found->second >= needed.second;
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
  const auto convolutions = convolutions_of(tensors, /*with_first=*/true);
  for (const auto& entry : fs::recursive_directory_iterator(
           folder, fs::directory_options::skip_permission_denied)) {
    if (entry.path().extension() != ".yaml") continue;
    std::shared_ptr<Classifier> model;
    try {
      const auto config = load_config(entry.path()).config;
      // The network that a study begins from has a config of its own.
      if (config.study.enabled()) continue;
      model = make_uninitialised(config.model);
    } catch (const ConfigError&) {
      continue;  // Not a config of a run; `train` would say why.
    }
    // Comparing names takes longer.
    if (!has_all(convolutions, convolutions_of(state_dict(*model), false))) {
      continue;
    }
    const auto report = Fit(tensors, *model, Head::kMayBeNew).report();
    if (!report.complete()) continue;
    std::string but;
    for (const auto& sentence : report.adapted) {
      but += (but.empty() ? "" : ", ") + sentence;
    }
    if (!report.beside.empty()) {
      but += (but.empty() ? "" : ", ") + std::to_string(report.beside.size()) +
             " tensors that are not of the network";
    }
    fitting.push_back({entry.path().string(), but});
  }
  std::sort(fitting.begin(), fitting.end(), [](const auto& a, const auto& b) {
    return std::make_pair(!a.but.empty(), a.config) <
           std::make_pair(!b.but.empty(), b.config);
  });
  return fitting;
}

bool is_date(const std::string& digits) {
  if (digits.size() != 8 ||
      !std::all_of(digits.begin(), digits.end(),
                   [](char c) { return c >= '0' && c <= '9'; })) {
    return false;
  }
  const int year = std::stoi(digits.substr(0, 4));
  const int month = std::stoi(digits.substr(4, 2));
  const int day = std::stoi(digits.substr(6, 2));
  return year >= 1990 && year < 2100 && month >= 1 && month <= 12 && day >= 1 &&
         day <= 31;
}

/// "0676ba61" of resnet50-0676ba61.pth. A date is none, unless it is right.
std::string digits_in_name(const fs::path& file, const std::string& sha256) {
  const auto stem = file.stem().string();
  const auto dash = stem.rfind('-');
  if (dash == std::string::npos) return "";
  const auto digits = stem.substr(dash + 1);
  const bool is_hash =
      digits.size() >= 8 && digits.size() <= 64 &&
      digits.find_first_not_of("0123456789abcdef") == std::string::npos;
  if (!is_hash || (is_date(digits) && !sha256.starts_with(digits))) return "";
  return digits;
}

/// An ONNX model of ours, with what it says of itself.
Inspection inspect_onnx(const fs::path& path) {
  const auto bytes = read_file(path);
  Inspection found;
  found.kind = "an ONNX model";
  const std::string foreign =
      "an ONNX model that is damaged, or none that skipzoo wrote: ";
  try {
    const OnnxModel model(
        {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
    for (const auto& entry : model.initialisers()) {
      found.file.tensors.push_back(entry);
    }
    const auto& metadata = model.metadata();
    const auto words = metadata.find("skipzoo.json");
    if (words != metadata.end()) found.metadata = parse_metadata(words->second);
    const auto facts = metadata.find("program.json");
    if (facts != metadata.end()) {
      found.program = parse_program_facts(facts->second);
    }
  } catch (const c10::Error& error) {
    throw FileError(path, foreign + error.what_without_backtrace());
  } catch (const std::exception& error) {
    throw FileError(path, foreign + error.what());
  }
  found.never_trained = never_trained(found.file.tensors);
  return found;
}

Inspection inspect(const fs::path& path, const std::string& key) {
  if (path.extension() == ".onnx") return inspect_onnx(path);
  Inspection found;
  found.file = read_weight_file(path, {.key = key, .shapes_only = true});
  found.kind = kind_text(found.file.kind);
  // A second look, at a few small tensors alone.
  found.never_trained = never_trained(
      read_weight_file(path, {.key = key, .wanted = is_batch_norm_state})
          .tensors);
  found.metadata = read_metadata(path);
  if (found.file.kind == WeightKind::kTorchScript) {
    found.program = read_program_facts(path);
  }
  return found;
}

void run(const Arguments& args) {
  const auto weights = find_weights(args.file, args.fetch);
  const auto& path = weights.file;
  if (!args.configs.empty() && !fs::is_directory(args.configs)) {
    throw FileError(args.configs, "no such folder of configs");
  }
  Inspection found = inspect(path, args.key);
  found.sha256 = sha256_of_file(path);
  found.named_digits = digits_in_name(path, found.sha256);
  const auto* published = find_published_file(path.filename().string());
  if (published != nullptr && found.sha256.starts_with(published->sha256())) {
    found.published = published;
    found.metadata = metadata_of(*published);
  }
  found.configs = args.configs.empty() ? find_configs() : args.configs;
  found.fits = fitting_configs(found.file.tensors, found.configs);
  args.json ? print_json(found) : print_text(found);
}

}  // namespace

void add_inspect(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "inspect",
      "What is in a weight file: names, shapes, types; which configs it fits");
  command
      ->add_option("file", args->file,
                   "A .pth, .th, .safetensors, .pt, .onnx, .skz or run folder; "
                   "where there is none of that name, published weights "
                   "(resnet50; see 'skipzoo weights')")
      ->required();
  command->add_option("--configs", args->configs,
                      "Configs to try, by names and shapes; else skipzoo's");
  command->add_option("--key", args->key,
                      "Which of several networks in it: teacher, "
                      "model.state_dict");
  add_fetch_options(*command, args->fetch);
  command->add_flag("--json", args->json, "Print JSON");
  command->footer("Example:\n  skipzoo inspect resnet50-0676ba61.pth");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
