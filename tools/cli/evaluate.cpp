
#include <iomanip>
#include <iostream>
#include <nlohmann/json.hpp>

#include "tools/cli/commands.h"
#include "tools/cli/run.h"

namespace skipzoo {

namespace {

using nlohmann::ordered_json;

struct Arguments {
  NetworkSource network;
  bool json = false;
};

void print_json(const Evaluation& result,
                const std::vector<std::string>& classes) {
  ordered_json per_class = ordered_json::array();
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    per_class.push_back({{"class", classes[c]},
                         {"precision", scores[c].precision},
                         {"recall", scores[c].recall},
                         {"f1", scores[c].f1},
                         {"images", scores[c].images}});
  }
  std::cout << ordered_json{{"loss", result.loss},
                            {"top1", result.top1},
                            {"top5", result.top5},
                            {"images", result.images},
                            {"skipped", result.skipped},
                            {"per_class", per_class},
                            {"confusion", result.confusion}}
                   .dump()
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

void print_text(const Evaluation& result,
                const std::vector<std::string>& classes) {
  std::cout << std::fixed << std::setprecision(2) << "top-1 " << result.top1
            << " %, top-5 " << result.top5 << " %, loss "
            << std::setprecision(4) << result.loss << ", " << result.images
            << " images";
  if (result.skipped > 0) std::cout << ", " << result.skipped << " skipped";
  std::cout << "\n\n"
            << std::left << std::setw(20) << "class" << std::right
            << std::setw(10) << "precision" << std::setw(10) << "recall"
            << std::setw(10) << "F1" << std::setw(10) << "images" << '\n';
  const auto scores = class_scores(result.confusion);
  for (size_t c = 0; c < scores.size(); ++c) {
    std::cout << std::left << std::setw(20) << classes[c] << std::right
              << std::setw(10) << scores[c].precision << std::setw(10)
              << scores[c].recall << std::setw(10) << scores[c].f1
              << std::setw(10) << scores[c].images << '\n';
  }
  print_confusion(result);
}

void run(const Arguments& args) {
  const auto network = load_network(args.network);
  const auto& config = network.config;
  const auto dataset =
      open_dataset(config.data, Split::kTest, in_channels(config.model),
                   num_classes(config.model));
  check_passes(*network.model, picture_shape(config, *dataset));
  if (network.identity) {
    warn_of_other_data(*network.identity, make_identity(config, *dataset));
  }
  Loader loader(dataset, config.data, Loader::Mode::kEvaluate,
                config.train.seed, network.device.is_cuda());
  const Evaluation result = evaluate(*network.model, loader, network.inputs);
  if (args.json) {
    print_json(result, dataset->classes());
  } else {
    print_text(result, dataset->classes());
  }
}

}  // namespace

void add_evaluate(CLI::App& app) {
  auto args = std::make_shared<Arguments>();
  CLI::App* command = app.add_subcommand(
      "evaluate", "Accuracy of a checkpoint or weight file on the test split");
  add_network_options(*command, args->network);
  command->add_flag("--json", args->json, "Print one JSON object");
  command->footer("Example:\n  skipzoo evaluate runs/RUN/best.skz --json");
  command->callback([args] { run(*args); });
}

}  // namespace skipzoo
