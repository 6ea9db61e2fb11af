#include <spdlog/spdlog.h>

#include <algorithm>
#include <filesystem>
#include <iostream>
#include <optional>

#include "tools/cli/commands.h"
#include "tools/cli/evaluation_page.h"
#include "tools/cli/evaluation_text.h"
#include "tools/cli/label_text.h"
#include "tools/cli/measured_pictures.h"
#include "tools/cli/processes.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/run.h"
#include "tools/config/memory_check.h"
#include "tools/data/measured.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/run/trained_with.h"

namespace skipzoo {

namespace {

struct EvaluateArguments {
  NetworkSource network;
  Measured measured = Measured::kVal;
  bool json = false;
  std::filesystem::path output;
  int64_t nproc = 1;
};

Evaluation evaluate_with_bar(const LoadedNetwork& network, Loader& loader,
                             const Fellows& fellows) {
  ProgressBar bar;
  const int64_t images = loader.dataset().size();
  int64_t done = 0;
  const auto show = [&] {
    done += network.config.data.batch_size * fellows.collective->size();
    if (fellows.is_first()) {
      bar.update("evaluate", std::min(done, images), images);
    }
    return false;
  };
  return evaluate(network.forward, loader, network.preprocess, show,
                  fellows.collective,
                  network.config.train.eval_metric == EvalMetric::kMap);
}

/// One label or several: what a network was trained for is what it can be
/// measured by.
void check_labels(const EvaluateArguments& args, const LoadedNetwork& network,
                  const Dataset& dataset) {
  const bool several = network.finds_several();
  if (!network.metadata || several == dataset.is_multi_label()) return;
  throw ConfigError(args.network.file.string() + ": finds " +
                    (several ? "any number of labels" : "one label") +
                    " in a picture, but the data have " +
                    (several ? "one each" : "several") +
                    "; of a table data.multi_label says so");
}

/// Whether it brings thresholds of its validation.
bool has_thresholds(const LoadedNetwork& network) {
  return network.metadata && !network.metadata->thresholds.empty();
}

void print(const EvaluateArguments& args, const LoadedNetwork& network,
           const Evaluation& result, const std::string& split,
           const std::vector<std::string>& classes) {
  const bool several = result.has_several_labels();
  if (several && args.json) {
    print_labels_json(result, split, classes, has_thresholds(network));
  } else if (several) {
    print_labels_text(result, classes, has_thresholds(network));
  } else if (args.json) {
    print_json(result, split, classes);
  } else {
    print_text(result, classes);
  }
  std::cout.flush();
}

void run_with(const EvaluateArguments& args, const Fellows& fellows) {
  check_page(args.output, args.network);
  const auto network = load_network(args.network);
  say_what_dtype_does(network, args.network);
  const auto& config = network.config;
  check_place(args.network, network);
  const auto [dataset, split] =
      pictures_to_measure(args.network, args.measured, network);
  check_labels(args, network, *dataset);
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
  DataOptions data = config.data;
  // Every picture is read once.
  if (data.cache == Cache::kRam) data.cache = Cache::kNone;
  Loader loader(dataset, data, Loader::Mode::kEvaluate, config.train.seed,
                network.device.is_cuda(), fellows.shard());
  Evaluation result = evaluate_with_bar(network, loader, fellows);
  if (!fellows.is_first()) return;
  if (result.has_several_labels() && has_thresholds(network)) {
    result.labels = label_scores(result.pictures, network.thresholds);
  }
  print(args, network, result, split, dataset->classes());
  leave_page({.source = args.network,
              .network = network,
              .chosen = args.output,
              .split = split},
             loader, result);
}

int run(EvaluateArguments args) {
  if (starts_processes(args.nproc)) {
    return start_processes_of_command(args.nproc);
  }
  let_first_speak();
  return with_fellows(args.network.device, TrainOptions().timeout_s,
                      [&](const Fellows& fellows) {
                        run_with(args, fellows);
                        return 0;
                      });
}

}  // namespace

void add_evaluate(CLI::App& app, int& exit_code) {
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
  command->add_option("-o,--output", args->output,
                      "The page; else, of a run's checkpoint, "
                      "evaluate-<checkpoint>-<split>.html in its folder");
  add_nproc_option(*command, args->nproc);
  command->footer(
      "Examples:\n"
      "  skipzoo evaluate runs/RUN/best.skz --json\n"
      "  skipzoo evaluate runs/RUN --split train -o train.html\n"
      "  skipzoo evaluate resnet50.pth -c configs/imagenet/resnet50.yaml --set "
      "data.root=FOLDER\n"
      "  skipzoo evaluate resnet50:IMAGENET1K_V1 --set data.root=FOLDER");
  command->callback([args, &exit_code] { exit_code = run(*args); });
}

}  // namespace skipzoo
