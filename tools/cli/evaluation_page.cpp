#include "tools/cli/evaluation_page.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <system_error>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/about_run.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/report/evaluation_report.h"
#include "tools/run/ensemble.h"
#include "tools/train/examples.h"
#include "tools/train/report_figures.h"
#include "tools/train/run_folder.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

fs::path folder_around(const fs::path& file) {
  const auto folder = file.parent_path();
  return folder.empty() ? fs::path(".") : folder;
}

/// Whether weights lie where 'skipzoo train' wrote them.
bool is_checkpoint_in_run(const fs::path& weights) {
  std::error_code unknown;
  return weights.extension() == ".skz" &&
         fs::is_regular_file(weights, unknown) &&
         fs::is_regular_file(folder_around(weights) / "summary.csv", unknown);
}

/// As a file may be named: the split of a data set may be a folder below
/// others.
std::string file_name_of(std::string split) {
  std::ranges::replace(split, '/', '-');
  return split;
}

/// "best.skz of epoch 13", without the folders above it.
std::string words_of_weights(const EvaluationPage& page) {
  if (page.network.members > 1) {
    return "the mean of " + std::to_string(page.network.members) + " networks";
  }
  const auto weights = weights_at(page.source.file);
  auto words = weights.filename().string();
  if (is_checkpoint_in_run(weights)) {
    const auto position = read_position(weights);
    if (position && position->epoch > 0) {
      words += " of epoch " + std::to_string(position->epoch);
    }
  }
  return words;
}

/// The run's name, or the weights' where they are of none.
std::string name_of_network(const EvaluationPage& page) {
  const bool is_of_folds = page.network.members > 1;
  const auto weights = weights_at(page.source.file);
  if (!is_of_folds && !is_checkpoint_in_run(weights)) {
    return weights.filename().string();
  }
  // A slash at the end of a folder's name names nothing.
  const auto folder = fs::weakly_canonical(
      is_of_folds ? page.source.file : folder_around(weights));
  return folder.filename().string();
}

/// The one network that it is, or null.
Classifier* single_network(const LoadedNetwork& network) {
  return network.members == 1 ? network.model.get() : nullptr;
}

std::string words_of_size(const LoadedNetwork& network) {
  if (network.is_program()) return "an exported program";
  return std::to_string(count_parameters(*network.model)) +
         (network.members > 1 ? " parameters each" : " parameters");
}

std::string words_of_arithmetic(const LoadedNetwork& network) {
  if (network.is_program()) return "the program's own";
  const Amp amp = network.config.train.amp;
  return amp == Amp::kOff ? "float32" : std::string(name_of(amp));
}

RunAbout about_evaluation(const EvaluationPage& page, const Dataset& pictures) {
  const auto& network = page.network;
  auto about =
      about_run(network.model.get(), network.config, pictures, network.device);
  about.environment.insert(
      about.environment.end(),
      {{"Weights", words_of_weights(page)},
       {"Arithmetic", words_of_arithmetic(network)},
       {"Seen of a picture", page.source.views == Views::kHflip
                                 ? "itself and its mirror image"
                                 : "itself"}});
  return about;
}

std::string html_of_page(const EvaluationPage& page, const Loader& loader,
                         const Evaluation& result) {
  const auto& network = page.network;
  const auto& pictures = loader.dataset();
  const bool several = result.has_several_labels();
  const auto mistakes = look_at_mistakes(single_network(network), loader,
                                         network.preprocess, result.judged);
  return evaluation_page(
      {.found = {.title = name_of_network(page) + ": " + page.split,
                 .network =
                     words_of_size(network) + ", " + words_of_weights(page),
                 .rows = {},
                 .classes = pictures.classes(),
                 .confusion = result.confusion,
                 .labels = several ? result.labels : std::vector<LabelScores>(),
                 .are_thresholds_of_network =
                     network.metadata && !network.metadata->thresholds.empty(),
                 .figures = several ? report_figures_of_labels(result)
                                    : report_figures(result.confusion),
                 .config_yaml = dump_config(network.config),
                 .mistakes = mistakes_cards(mistakes, ""),
                 .about = about_evaluation(page, pictures)},
       .split = page.split,
       .loss = result.loss,
       .top1 = result.top1,
       .top5 = result.top5,
       .calibration_error = expected_calibration_error(mistakes.confidence),
       .images = result.images,
       .skipped = result.skipped});
}

}  // namespace

void check_page(const fs::path& chosen, const NetworkSource& source) {
  if (chosen.empty()) return;
  std::error_code unknown;
  if (fs::is_directory(chosen, unknown)) {
    throw FileError(chosen, "is a folder, expected the name of a file");
  }
  const auto weights = weights_at(source.file);
  refuse_to_overwrite(weights, chosen);
  const auto report = folder_around(weights) / "report.html";
  if (is_checkpoint_in_run(weights) &&
      fs::equivalent(report, chosen, unknown)) {
    throw FileError(chosen, "is the run's own page; give another name");
  }
}

fs::path place_of_page(const EvaluationPage& page) {
  if (!page.chosen.empty()) return page.chosen;
  const auto end = "-" + file_name_of(page.split) + ".html";
  if (page.network.members > 1) {
    return page.source.file / ("evaluate-folds" + end);
  }
  const auto weights = weights_at(page.source.file);
  if (!is_checkpoint_in_run(weights)) return {};
  return folder_around(weights) / ("evaluate-" + weights.stem().string() + end);
}

void leave_page(const EvaluationPage& page, const Loader& loader,
                const Evaluation& result) {
  const auto place = place_of_page(page);
  if (place.empty()) return;
  const auto html = html_of_page(page, loader, result);
  try {
    write_output(place, [&](OutputFile& file) { file.write(html); });
  } catch (const FileError& error) {
    // The folder of a run may be there to be read only.
    if (!page.chosen.empty()) throw;
    spdlog::warn("{}; the page is left out; --output names another place",
                 error.what());
    return;
  }
  spdlog::info("page: {}", place.string());
}

}  // namespace skipzoo
