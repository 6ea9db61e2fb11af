#include "tools/cli/train_place.h"

#include <spdlog/spdlog.h>

#include <CLI/CLI.hpp>
#include <filesystem>

#include "tools/config/fields.h"
#include "tools/config/run_config.h"
#include "tools/config/source.h"
#include "tools/data/layout.h"
#include "tools/error.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Whether a config is for those pictures.
bool is_for(const fs::path& config, const fs::path& place) {
  const auto& data = load_config(config).config.data;
  std::error_code unknown;
  return fs::equivalent(
      data.dataset == DatasetKind::kCsv ? data.csv : data.root, place, unknown);
}

}  // namespace

std::string config_for_place(const CLI::App& command, InitRequest& request,
                             const TrainArguments& args) {
  const auto ending = request.place.extension();
  if (ending == ".yaml" || ending == ".yml") {
    throw ConfigError("train: " + request.place.string() +
                      ": a config is given by -c " + request.place.string());
  }
  if (!args.config.empty()) {
    throw ConfigError("train: " + request.place.string() +
                      ": pictures to choose a config for; drop them, or -c");
  }
  const fs::path file = config_of_place(request.place);
  std::error_code unknown;
  const bool is_there = fs::exists(file, unknown);
  const bool chooses =
      command.count("--minutes") > 0 || command.count("--weights") > 0;
  if (args.resumes() && chooses) {
    throw ConfigError(
        "train: --resume goes on as the run began; drop --minutes and "
        "--weights, or change it by --set");
  }
  if (args.resumes() && is_there) return file.string();
  if (args.resumes()) {
    throw FileError(file,
                    "is not there: no run of these pictures to go on "
                    "with; drop --resume, or name the run's folder");
  }
  if (args.output.empty() && fs::is_directory(request.place, unknown) &&
      fs::equivalent(request.place, ".", unknown)) {
    throw ConfigError(
        "train: the run would lie among the class folders; go to the folder "
        "above, or give another place for it by -o");
  }
  if (is_there && !chooses && is_for(file, request.place)) {
    spdlog::info("{}: is there already: trained by it", file.string());
    return file.string();
  }
  if (args.print_config) {
    throw ConfigError("train: --print-config: no config is chosen yet for " +
                      request.place.string() + "; 'skipzoo init " +
                      argument_text(request.place) + "' writes it");
  }
  request.device = args.device;
  request.fetch = args.fetch;
  if (args.folds > 0) {
    request.minutes /= static_cast<double>(args.folds);
    spdlog::info("--minutes: {:.3g} for each of the {} folds", request.minutes,
                 args.folds);
  }
  write_config_for(request, file);
  return file.string();
}

void check_place(const CLI::App& command, const InitRequest& request) {
  if (!request.place.empty()) return;
  for (const char* option : {"--minutes", "--weights"}) {
    if (command.count(option) == 0) continue;
    throw ConfigError(std::string("train: ") + option +
                      " is for a folder of pictures without a config: train "
                      "FOLDER; with one it is " +
                      (std::string(option) == "--minutes"
                           ? "--set train.max_minutes=N"
                           : "fine-tune -c FILE --weights FILE"));
  }
}

}  // namespace skipzoo
