#include <spdlog/spdlog.h>

#include <algorithm>
#include <span>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/commands.h"
#include "tools/cli/run.h"
#include "tools/error.h"
#include "tools/export/format.h"
#include "tools/file.h"
#include "tools/run/ensemble.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

struct Arguments {
  NetworkSource network;
  ExportOptions options;
  std::string output;
};

/// What --dtype takes.
std::vector<std::pair<std::string, at::ScalarType>> type_words() {
  std::vector<std::pair<std::string, at::ScalarType>> words;
  for (const auto& [name, type] : kTypeNames) words.emplace_back(name, type);
  return words;
}

/// "a, b or c".
std::string listed(const std::vector<std::string>& words,
                   const std::string& last) {
  std::string text;
  for (size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += i + 1 == words.size() ? last : ", ";
    text += words[i];
  }
  return text;
}

std::string listed_types(std::span<const at::ScalarType> types) {
  std::vector<std::string> words;
  for (const auto& [word, type] : kTypeNames) {
    if (std::ranges::find(types, type) != types.end()) words.emplace_back(word);
  }
  return listed(words, " or ");
}

template <typename Predicate>
std::string listed_formats(Predicate is_among) {
  std::vector<std::string> names;
  for (const auto& format : export_formats()) {
    if (is_among(format)) names.emplace_back(format.name);
  }
  return listed(names, " and ");
}

bool takes(const ExportFormatInfo& format, at::ScalarType type) {
  return std::ranges::find(format.types, type) != format.types.end();
}

/// What contradicts itself on the command line.
void check(const ExportOptions& options) {
  const auto& format = info_of(options.format);
  const auto& program = options.program;
  if (!format.has_program &&
      (program.softmax || program.sigmoid ||
       program.pixels != Pixels::kNormalised || options.fold)) {
    throw ConfigError(
        "export: a file of weights holds no program: --softmax, --sigmoid, "
        "--normalize and --fold are for " +
        listed_formats([](const auto& other) { return other.has_program; }));
  }
  if (!takes(format, program.type)) {
    throw ConfigError("export: --dtype " + listed_types({&program.type, 1}) +
                      " is for " + listed_formats([&](const auto& other) {
                        return takes(other, program.type);
                      }) +
                      "; " + std::string(format.name) + " takes " +
                      listed_types(format.types));
  }
}

/// Probabilities of one label a picture are a softmax, of several a sigmoid
/// each.
void check_probabilities(const Arguments& args, const LoadedNetwork& network) {
  const auto& program = args.options.program;
  const bool several = network.finds_several();
  if (several ? !program.softmax : !program.sigmoid) return;
  throw ConfigError(args.network.file.string() + ": finds " +
                    (several ? "several labels in a picture: --sigmoid, not "
                               "--softmax, gives their probabilities"
                             : "one label in a picture: --softmax, not "
                               "--sigmoid, gives its probability"));
}

/// Where the file goes. Not over a checkpoint, and not under a name that says
/// another format.
fs::path output_of(const Arguments& args) {
  const auto own = info_of(args.options.format).extension;
  if (args.output.empty()) {
    const auto& named = args.network.file;
    const auto* published = find_published(named.string());
    // Not beside the file: where that is, others look for what was published.
    const auto stem = published != nullptr && !fs::exists(named)
                          ? fs::path(published->network)
                          : weights_at(named);
    return fs::path(stem).replace_extension(own);
  }
  const fs::path path = args.output;
  std::vector<std::string_view> others = {".skz"};
  for (const auto& format : export_formats())
    others.push_back(format.extension);
  for (const auto other : others) {
    if (path.extension() == other && path.extension() != own) {
      throw ConfigError("export: '" + path.string() + "' ends in " +
                        std::string(other) + "; this format's files end in " +
                        std::string(own));
    }
  }
  return path;
}

std::string shapes_text(const ExportCheck& check) {
  std::string text;
  for (const auto& shape : check.shapes) {
    text += text.empty() ? "" : ", ";
    for (size_t d = 0; d < shape.size(); ++d) {
      if (d > 0) text += 'x';
      text += std::to_string(shape[d]);
    }
  }
  return text;
}

/// A split that lies elsewhere than in data.root, by its name alone.
std::string split_to_share(const std::string& split) {
  const fs::path path = split;
  if (!path.is_absolute()) return split;
  return (path.has_filename() ? path : path.parent_path()).filename();
}

/// What a network is, without the places of files on this machine.
ModelMetadata metadata_to_share(LoadedNetwork network) {
  auto& config = network.config;
  auto& data = config.data;
  if (!data.root.empty()) data.root = "FOLDER";
  if (data.dataset == DatasetKind::kCsv) {
    data.csv = "FOLDER" / data.csv.filename();
    data.root.clear();  // Another table's pictures lie beside it, unless told.
  }
  data.train_split = split_to_share(data.train_split);
  data.val_split = split_to_share(data.val_split);
  config.fine_tune = {};
  config.train.distill = {};
  return network.metadata_now();
}

void run(const Arguments& given) {
  Arguments args = given;
  check(args.options);
  const auto path = output_of(args);
  args.network.device = "cpu";
  const auto network = load_network(args.network);
  if (network.is_program()) {
    throw ConfigError(args.network.file.string() +
                      ": is an export already; give the checkpoint");
  }
  refuse_ensemble(network, "an export");
  check_probabilities(args, network);
  const Exportable exportable = {.model = network.config.model,
                                 .weights = state_dict(*network.model),
                                 .metadata = metadata_to_share(network)};
  args.options.program.mean = exportable.metadata.mean;
  args.options.program.std = exportable.metadata.std;
  refuse_to_overwrite(weights_at(args.network.file), path);
  const auto check = export_network(path, exportable, args.options);
  spdlog::info(
      "{}: read again and run on {}; largest difference from the network "
      "{:.1e}, allowed {:.0e}",
      path.string(), shapes_text(check), check.difference, check.bound);
  const bool sized = !network.model->takes_any_size();
  if (sized && info_of(args.options.format).has_program) {
    const auto& shape = exportable.metadata.input_shape;
    spdlog::info("its padding follows the size: good for {}x{} pictures alone",
                 shape[1], shape[2]);
  }
}

}  // namespace

void add_export(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "export", "Write a network for Python, C++ and ONNX Runtime");
  add_network_options(*command, args->network);
  add_raw_option(*command, args->network);
  auto& options = args->options;
  std::vector<std::pair<std::string, ExportFormat>> formats;
  std::vector<std::string> names;
  for (const auto& format : export_formats()) {
    formats.emplace_back(format.name, format.format);
    names.emplace_back(format.name);
  }
  command->add_option("--format", options.format, listed(names, " or "))
      ->transform(one_of<ExportFormat>(formats))
      ->required();
  command->add_option("-o,--output", args->output,
                      "The file; else beside the checkpoint, of published "
                      "weights in the working folder");
  command->add_flag("--softmax", options.program.softmax,
                    "Probabilities instead of logits");
  command->add_flag("--sigmoid", options.program.sigmoid,
                    "The same where pictures have several labels");
  command
      ->add_option("--normalize", options.program.pixels,
                   "Bake mean and std in: uint8 takes 0..255, float 0..1")
      ->transform(
          one_of<Pixels>({{"uint8", Pixels::kByte}, {"float", Pixels::kUnit}}));
  command->add_flag("--fold", options.fold,
                    "Fold BatchNorms into the convolutions before them");
  command
      ->add_option("--dtype", options.program.type,
                   "fp32, bf16 or fp16: weights and arithmetic")
      ->transform(one_of(type_words()));
  command->footer(
      "Examples:\n"
      "  skipzoo export runs/RUN --format torchscript --normalize uint8 "
      "--softmax\n"
      "  skipzoo export runs/RUN --format onnx -o net.onnx\n"
      "  skipzoo export resnet50 --format onnx");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
