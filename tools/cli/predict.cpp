#include <spdlog/spdlog.h>
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <optional>

#include "tools/cli/commands.h"
#include "tools/cli/explanations.h"
#include "tools/cli/feature_table.h"
#include "tools/cli/prediction_text.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/data/loader.h"
#include "tools/data/picture_files.h"
#include "tools/data/picture_kind.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/run/embedding.h"
#include "tools/run/ensemble.h"
#include "tools/run/predictor.h"
#include "tools/run/trained_with.h"
#include "tools/train/run_folder.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

struct PredictArguments {
  NetworkSource network;
  std::vector<std::string> pictures;
  /// Nothing: five or, of several labels a picture, all.
  std::optional<int64_t> topk;
  PredictionFormat format = PredictionFormat::kText;
  std::string output;
  std::string features;  ///< A file for the embeddings; empty: none.
  std::string explain;   ///< A folder for the heat maps; empty: none.
};

/// What is written beside the answers; each may be missing.
struct Beside {
  std::optional<FeatureTable> features = {};
  std::optional<Explanations> explanations = {};

  void add(const Predictor& predictor, const Batch& batch,
           const torch::Tensor& probabilities) {
    if (features) features->add(batch, predictor.embeddings(batch.images));
    if (explanations) explanations->write(predictor, batch, probabilities);
  }
  /// Of one picture; empty: none.
  std::string explanation(int64_t index) const {
    return explanations ? explanations->place(index).string() : "";
  }
};

/// Before the first picture: that those of this size pass, and fit.
void check_size(const LoadedNetwork& network, const DataOptions& data) {
  const std::vector<int64_t> shape = {in_channels(network.config.model),
                                      data.image_size, data.image_size};
  // Else each picture has its own, or a program checks them itself.
  if (data.image_size == 0 || network.is_program()) return;
  if (network.device.is_cpu()) {
    check_memory(*network.model, network.config, shape, Work::kForward);
  }
  check_passes(*network.model, shape);
}

/// Predicts and prints; returns how many pictures could not be read.
int64_t predict(const PredictArguments& args, const Predictor& predictor,
                const DatasetPtr& pictures, Beside& beside, std::ostream& out) {
  const auto& network = predictor.network();
  DataOptions data = picture_options(network);
  data.on_error = OnError::kSkip;
  data.cache = Cache::kNone;  // Every picture is read once.
  check_size(network, data);
  Loader loader(pictures, data, Loader::Mode::kEvaluate,
                /*seed=*/0, network.device.is_cuda());
  const bool several = network.finds_several();
  const int64_t topk =
      args.topk.value_or(several ? num_classes(network.config.model) : 5);
  const PredictionLayout layout = {.format = args.format,
                                   .finds_several = several,
                                   .explains = !args.explain.empty()};
  print_header(out, layout);
  // Where the answers themselves go to a terminal, they show how far it is.
  std::optional<ProgressBar> bar;
  if (!args.output.empty() || ::isatty(STDOUT_FILENO) == 0) bar.emplace();
  int64_t done = 0;
  auto epoch = loader.epoch(0);
  for (const Batch& batch : epoch) {
    done = std::min(done + data.batch_size, pictures->size());
    if (bar) bar->update("predict", done, pictures->size());
    if (batch.size() == 0) continue;  // None of them could be read.
    const auto probabilities = predictor.probabilities(batch.images);
    beside.add(predictor, batch, probabilities);
    const auto* index = batch.indices.const_data_ptr<int64_t>();
    for (int64_t n = 0; n < batch.size(); ++n) {
      print(out, layout, pictures->name(index[n]),
            predictor.likeliest(probabilities[n], topk),
            beside.explanation(index[n]));
    }
    out.flush();  // Who waits at a pipe's other end has each batch.
  }
  return loader.skipped();
}

/// The answers replace none of the files that they are about.
void check_output(const std::string& output, const PredictArguments& args,
                  const FoundPictures& found) {
  for (const auto& name : args.pictures) refuse_to_overwrite(name, output);
  for (const auto& picture : found.files) refuse_to_overwrite(picture, output);
}

/// Before the first picture: that embeddings can be had, and written.
void check_features(const PredictArguments& args, const FoundPictures& found,
                    const LoadedNetwork& network) {
  namespace fs = std::filesystem;
  if (!args.output.empty() && fs::weakly_canonical(args.output) ==
                                  fs::weakly_canonical(args.features)) {
    throw ConfigError("--output and --features name the same file, " +
                      args.output);
  }
  check_output(args.features, args, found);
  check_feature_file(args.features);
  if (network.is_program()) embedding_of(network);  // Throws.
}

Beside open_beside(const PredictArguments& args, const FoundPictures& found,
                   const LoadedNetwork& network, const DatasetPtr& pictures) {
  Beside beside;
  if (!args.features.empty()) {
    refuse_to_overwrite(weights_at(args.network.file), args.features);
    check_features(args, found, network);
    beside.features.emplace(pictures);
  }
  if (!args.explain.empty()) {
    refuse_ensemble(network, "a heat map");
    beside.explanations.emplace(args.explain, found.files, network);
  }
  return beside;
}

int run(const PredictArguments& args) {
  refuse_to_overwrite(weights_at(args.network.file), args.output);
  const Predictor predictor = load(args.network);
  const auto& network = predictor.network();
  say_what_dtype_does(network, args.network);
  if (network.metadata && !network.is_program()) {
    warn_of_other_data(*network.metadata, network.metadata_now());
  }
  const auto found = find_pictures(args.pictures, std::cin);
  const auto& config = network.config;
  const auto pictures =
      open_pictures(found.files, {in_channels(config.model), config.data.exif});
  int64_t broken = 0;
  Beside beside = open_beside(args, found, network, pictures);
  if (args.output.empty()) {
    broken = predict(args, predictor, pictures, beside, std::cout);
  } else {
    if (is_replaced_whole(args.output)) check_output(args.output, args, found);
    write_output(args.output, [&](OutputFile& file) {
      OutputBuffer buffer(file);
      std::ostream out(&buffer);
      out.exceptions(std::ios::badbit);  // An error ends it, as on std::cout.
      broken = predict(args, predictor, pictures, beside, out);
    });
  }
  if (beside.features) beside.features->write(args.features);
  const auto others = found.passed_over.text();
  const bool misses = found.passed_over.misses_pictures();
  if (!others.empty()) {
    spdlog::log(misses ? spdlog::level::err : spdlog::level::warn,
                "passed over: {}{}", others,
                misses ? "; " + kinds_read() + " are read" : "");
  }
  if (broken > 0) {
    spdlog::error("{} of {} pictures could not be read", broken,
                  pictures->size());
  }
  return broken > 0 || misses ? 1 : 0;
}

}  // namespace

void add_predict(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<PredictArguments>();
  CLI::App* command = app.add_subcommand(
      "predict", "What a network sees in pictures: the likeliest classes");
  add_network_options(*command, args->network);
  add_dtype_option(*command, args->network);
  add_raw_option(*command, args->network);
  add_tta_option(*command, args->network);
  command
      ->add_option("pictures", args->pictures,
                   "Pictures, folders of them, .txt files that list them; - "
                   "for a list on standard input")
      ->required();
  command
      ->add_option("--topk", args->topk,
                   "How many classes, likeliest first; else 5 or, where "
                   "pictures have several labels, all")
      ->check(CLI::Range(int64_t{1}, int64_t{1'000'000}));
  command
      ->add_option("--threshold", args->network.threshold,
                   "Where pictures have several labels: the probability from "
                   "which on each is found, instead of its own")
      ->check(CLI::Range(0., 1.));
  add_choice<PredictionFormat>(*command, "--format", args->format,
                               "How they are written: json is a line each",
                               {{"text", PredictionFormat::kText},
                                {"csv", PredictionFormat::kCsv},
                                {"json", PredictionFormat::kJson}})
      ->default_str("text");
  command->add_option("--output", args->output,
                      "A file to write instead of standard output");
  command->add_option("--features", args->features,
                      "Also write what the last layer gets, a row each "
                      "picture: a .npy file, or a .csv with their names");
  command->add_option("--explain", args->explain,
                      "A folder for a .png of each picture: where in it the "
                      "likeliest class was seen (Grad-CAM)");
  command->footer(
      "Examples:\n"
      "  skipzoo predict runs/RUN photo.jpg\n"
      "  skipzoo predict resnet50 photo.jpg\n"
      "  skipzoo predict runs/RUN photos/ --topk 1 --format csv --output "
      "photos.csv\n"
      "  find photos -name '*.jpg' | skipzoo predict runs/RUN -");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace skipzoo
