#include <spdlog/spdlog.h>

#include <algorithm>
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>
#include <optional>
#include <sstream>

#include "tools/cli/commands.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/data/layout.h"
#include "tools/data/measured.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/printable.h"
#include "tools/train/fingerprint.h"
#include "tools/train/intervals.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

struct EvaluateArguments {
  NetworkSource network;
  Measured measured = Measured::kVal;
  bool json = false;
};

/// Figures beside top-1, each in percent with its 95 % confidence interval.
struct Figures {
  Interval top1;
  double balanced_accuracy;
  Interval of_balanced_accuracy;
  double macro_f1;
  Interval of_macro_f1;
};

Figures figures_of(const Evaluation& result) {
  const auto& confusion = result.confusion;
  int64_t right = 0;
  for (size_t c = 0; c < confusion.size(); ++c) right += confusion[c][c];
  return {
      .top1 = wilson_interval(right, result.images),
      .balanced_accuracy = balanced_accuracy(confusion),
      .of_balanced_accuracy = bootstrap_interval(confusion, balanced_accuracy),
      .macro_f1 = macro_f1(confusion),
      .of_macro_f1 = bootstrap_interval(confusion, macro_f1)};
}

ordered_json json_of(const Interval& interval) {
  return {interval.low, interval.high};
}

/// Not in percent, as recall itself is not.
ordered_json shares_of(const Interval& percent) {
  return {percent.low / 100, percent.high / 100};
}

void print_json(const Evaluation& result, const std::string& split,
                const std::vector<std::string>& classes) {
  ordered_json per_class = ordered_json::array();
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    const auto right = result.confusion[c][c];
    per_class.push_back({{"class", classes[c]},
                         {"precision", scores[c].precision},
                         {"recall", scores[c].recall},
                         {"recall_interval",
                          shares_of(wilson_interval(right, scores[c].images))},
                         {"f1", scores[c].f1},
                         {"images", scores[c].images}});
  }
  const auto figures = figures_of(result);
  std::cout << ordered_json{{"loss", result.loss},
                            {"top1", result.top1},
                            {"top1_interval", json_of(figures.top1)},
                            {"top5", result.top5},
                            {"balanced_accuracy", figures.balanced_accuracy},
                            {"balanced_accuracy_interval",
                             json_of(figures.of_balanced_accuracy)},
                            {"macro_f1", figures.macro_f1},
                            {"macro_f1_interval", json_of(figures.of_macro_f1)},
                            {"images", result.images},
                            {"skipped", result.skipped},
                            {"split", split},
                            {"per_class", per_class},
                            {"confusion", result.confusion}}
                   .dump(-1, ' ', false, ordered_json::error_handler_t::replace)
            << '\n';
}

void print_confusion(const Evaluation& result) {
  constexpr size_t kMost = 20;  // More columns than this do not fit a terminal.
  if (result.confusion.size() > kMost) return;
  std::cout << "\nconfusion: rows are true classes, columns predicted ones\n";
  for (const auto& row : result.confusion) {
    for (const auto count : row) std::cout << std::setw(6) << count;
    std::cout << '\n';
  }
}

/// Bytes that do not begin a letter of UTF-8 take no room.
size_t width_of(const std::string& text) {
  return static_cast<size_t>(std::ranges::count_if(text, [](char c) {
    return (static_cast<unsigned char>(c) & 0xC0) != 0x80;
  }));
}

void print_text(const Evaluation& result,
                const std::vector<std::string>& classes) {
  std::cout << std::fixed << std::setprecision(2) << "top-1 " << result.top1
            << " %, top-5 " << result.top5 << " %, loss "
            << std::setprecision(4) << result.loss << ", " << result.images
            << " images";
  if (result.skipped > 0) std::cout << ", " << result.skipped << " skipped";
  const auto figures = figures_of(result);
  const auto between = [](const Interval& interval) {
    std::ostringstream text;
    text << std::fixed << std::setprecision(2) << interval.low << " to "
         << interval.high;
    return text.str();
  };
  std::cout << std::setprecision(2) << "\nbalanced accuracy "
            << figures.balanced_accuracy << " %, macro F1 " << figures.macro_f1
            << " %\n95 % intervals: top-1 " << between(figures.top1)
            << ", balanced accuracy " << between(figures.of_balanced_accuracy)
            << ", macro F1 " << between(figures.of_macro_f1)
            << std::setprecision(4);
  size_t widest = 20;
  for (const auto& name : classes) {
    widest = std::max(widest, width_of(printable(name)));
  }
  const auto first_cell = [&](const std::string& text) {
    return text + std::string(widest - width_of(text), ' ');
  };
  std::cout << "\n\n"
            << first_cell("class") << std::setw(10) << "precision"
            << std::setw(10) << "recall" << std::setw(10) << "F1"
            << std::setw(10) << "images" << '\n';
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    std::cout << first_cell(printable(classes[c])) << std::setw(10)
              << scores[c].precision << std::setw(10) << scores[c].recall
              << std::setw(10) << scores[c].f1 << std::setw(10)
              << scores[c].images << '\n';
  }
  print_confusion(result);
}

Evaluation evaluate_with_bar(const LoadedNetwork& network, Loader& loader) {
  ProgressBar bar;
  const int64_t images = loader.dataset().size();
  int64_t done = 0;
  return evaluate(network.forward, loader, network.preprocess, [&] {
    done += network.config.data.batch_size;
    bar.update("evaluate", std::min(done, images), images);
    return false;
  });
}

/// The pictures to measure, and what they are called.
struct Pictures {
  DatasetPtr dataset;
  std::string split;
};

/// The config that a run trained with; nothing for weights of no run, or where
/// that is why a config was named by -c.
std::optional<RunConfig> config_of_run(const LoadedNetwork& network) {
  if (!network.metadata || network.published != nullptr) return std::nullopt;
  return config_of(*network.metadata);
}

/// A class of the network that the folder lacks is named as that.
void check_classes(const std::filesystem::path& folder, ClassFolders which,
                   const std::vector<std::string>& trained) {
  const auto names = class_folders(folder, which);
  if (names.size() == trained.size()) return;
  throw FileError(folder,
                  "holds " + std::to_string(names.size()) +
                      " class folders, but the network has " +
                      std::to_string(trained.size()) + " classes; " +
                      difference(names, "the folder", trained, "the network"));
}

/// The run's parts of data that have changed are not quite what it had.
void warn_of_changed_data(const std::filesystem::path& weights,
                          const TrainingData& parts) {
  const auto folder = std::filesystem::absolute(weights).parent_path();
  const auto difference =
      first_difference(RunFolder::open(folder).data(), fingerprint(parts));
  if (difference.empty()) return;
  spdlog::warn("the data are not those this run trained on: {}", difference);
}

/// One of the two parts that a run with a holdout has.
DatasetPtr part_of_training_split(const EvaluateArguments& args,
                                  const LoadedNetwork& network,
                                  const RunConfig& run, Measured part) {
  DataOptions data = network.config.data;
  data.holdout = run.data.holdout;
  const auto held_out =
      held_out_of(weights_at(args.network.file), *network.metadata);
  try {
    const auto parts = open_training_data(
        data, in_channels(network.config.model),
        num_classes(network.config.model), run.train.seed, held_out);
    warn_of_changed_data(weights_at(args.network.file), parts);
    return part == Measured::kTrain ? parts.train : parts.validation;
  } catch (const FileError& error) {
    if (args.measured != Measured::kVal) throw;
    throw FileError(error,
                    "; this run validated on pictures held out of those; "
                    "--split test measures the test split");
  }
}

Pictures pictures_to_measure(const EvaluateArguments& args,
                             const LoadedNetwork& network) {
  const auto run = config_of_run(network);
  const auto& data = network.config.data;
  const auto [part, by_holdout, trained_on] =
      part_to_measure(args.measured, data, run ? &run->data : nullptr);
  if (trained_on) {
    spdlog::warn(
        "these pictures are those the run was trained on: what is measured "
        "says nothing of others");
  }
  const bool train = part == Measured::kTrain;
  if (by_holdout) {
    auto pictures = part_of_training_split(args, network, *run, part);
    spdlog::info("measured on the {} pictures that the run {}",
                 pictures->size(),
                 train ? "was trained on" : "held out of its training");
    return {std::move(pictures), train ? "train" : "holdout"};
  }
  if (data.dataset == DatasetKind::kImageFolder && network.metadata) {
    check_classes(folder_of_split(data, train ? Split::kTrain : Split::kTest),
                  data.class_folders, network.metadata->classes);
  }
  return {open_dataset(data, train ? Split::kTrain : Split::kTest,
                       in_channels(network.config.model),
                       num_classes(network.config.model)),
          train ? "train" : "test"};
}

/// Neither an export nor published weights hold where their pictures are.
void check_place(const EvaluateArguments& args, const LoadedNetwork& network) {
  const auto& data = network.config.data;
  const bool is_published = network.published != nullptr;
  const bool is_table = data.dataset == DatasetKind::kCsv;
  const auto& place = is_table ? data.csv : data.root;
  if (!(network.is_program() || is_published) ||
      data.dataset == DatasetKind::kSynthetic ||
      std::filesystem::exists(place)) {
    return;
  }
  throw ConfigError(
      args.network.file.string() +
      (is_published
           ? ": published weights do not come with pictures; give the folder "
             "of ImageNet's, which has them in val/<class>/, by --set "
             "data.root=FOLDER"
           : std::string(": an export does not say where its pictures are; "
                         "give their ") +
                 (is_table
                      ? "table by --set data.csv=FILE, and data.root where "
                        "its paths are not relative to its folder"
                      : "folder by --set data.root=FOLDER")));
}

void run(const EvaluateArguments& args) {
  const auto network = load_network(args.network);
  say_what_dtype_does(network, args.network);
  const auto& config = network.config;
  check_place(args, network);
  const auto [dataset, split] = pictures_to_measure(args, network);
  const auto shape = picture_shape(config, *dataset);
  if (!network.is_program()) {
    if (network.device.is_cpu()) {
      check_memory(*network.model, config, shape, Work::kEvaluate);
    }
    check_passes(*network.model, shape);
  }
  if (network.metadata) {
    warn_of_other_data(*network.metadata, make_metadata(config, *dataset));
  }
  Loader loader(dataset, config.data, Loader::Mode::kEvaluate,
                config.train.seed, network.device.is_cuda());
  const Evaluation result = evaluate_with_bar(network, loader);
  if (args.json) {
    print_json(result, split, dataset->classes());
  } else {
    print_text(result, dataset->classes());
  }
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto args = std::make_shared<EvaluateArguments>();
  CLI::App* command =
      app.add_subcommand("evaluate", "Accuracy of a checkpoint or weight file");
  add_network_options(*command, args->network);
  add_dtype_option(*command, args->network);
  add_raw_option(*command, args->network);
  add_tta_option(*command, args->network);
  command
      ->add_option("--split", args->measured,
                   "val: what the run validated on, its held-out pictures or "
                   "else the test split; test, train or holdout")
      ->transform(one_of<Measured>({{"val", Measured::kVal},
                                    {"test", Measured::kTest},
                                    {"train", Measured::kTrain},
                                    {"holdout", Measured::kHoldout}}))
      ->default_str("val");
  command->add_flag("--json", args->json, "Print one JSON object");
  command->footer(
      "Examples:\n"
      "  skipzoo evaluate runs/RUN/best.skz --json\n"
      "  skipzoo evaluate resnet50.pth -c configs/imagenet/resnet50.yaml --set "
      "data.root=FOLDER\n"
      "  skipzoo evaluate resnet50:IMAGENET1K_V1 --set data.root=FOLDER");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
