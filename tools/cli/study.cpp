#include <spdlog/spdlog.h>

#include <cmath>
#include <filesystem>
#include <iostream>

#include "tools/cli/commands.h"
#include "tools/cli/interrupt.h"
#include "tools/cli/resume.h"
#include "tools/cli/study_cell.h"
#include "tools/config/source.h"
#include "tools/data/layout.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/study/claims.h"
#include "tools/study/loss_surface.h"
#include "tools/study/study_page.h"
#include "tools/study/study_table.h"
#include "tools/train/run_lock.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

namespace fs = std::filesystem;

/// A study in its folder.
struct Study {
  RunConfig config;
  std::vector<StudyCell> cells;
  fs::path folder;

  fs::path folder_of(const StudyCell& cell) const {
    return folder / cell.name();
  }
  /// Points a side of a cell's loss surface: those of the first seed have one.
  int64_t points_of(const StudyCell& cell) const {
    const auto& study = config.study;
    return cell.seed == study.seeds.front() ? study.surface : 0;
  }
  /// Nothing where it is not done.
  std::optional<CellResult> result_of(const StudyCell& cell) const {
    const auto at = folder_of(cell);
    const auto result = read_result(result_file(at));
    const int64_t points = points_of(cell);
    const bool lacks_surface =
        result && result->failure.empty() && points > 0 &&
        read_surface(surface_file(at), points).points == 0;
    return lacks_surface ? std::nullopt : result;
  }
};

/// The same for each call with this config, so that a study goes on by the
/// command that began it.
fs::path study_folder(const StudyArguments& args) {
  if (!args.output.empty()) return args.output;
  return fs::path("runs") /
         ("study-" + (is_piped(args.config)
                          ? std::string("piped")
                          : fs::path(args.config).stem().string()));
}

Study read_study(const StudyArguments& args) {
  auto [config, warnings] = load_config(args.config, args.overrides);
  for (const auto& warning : warnings) spdlog::warn(warning);
  if (!config.study.enabled()) {
    throw ConfigError(
        args.config +
        ": study: missing; it says what is compared, e.g. study: {skips: "
        "[none, A, dense], depths: [20, 56], seeds: [1, 2, 3]}");
  }
  if (!args.device.empty()) config.train.device = args.device;
  config.data = as_laid_out(config.data);
  auto cells = study_cells(config);
  Study study{.config = std::move(config),
              .cells = std::move(cells),
              .folder = study_folder(args)};
  for (const auto& cell : study.cells) {
    check_same_config(cell, study.folder_of(cell));
  }
  return study;
}

/// How far the dense networks' parameters are from those they are held beside.
void say_sizes(const Study& study) {
  for (const auto& cell : study.cells) {
    if (cell.wanted == 0 || cell.seed != study.config.study.seeds.front()) {
      continue;
    }
    const double off = parameters_off(cell);
    spdlog::log(std::abs(off) <= 5 ? spdlog::level::info : spdlog::level::warn,
                "dense, {} layers: {} parameters, {} for the residual network: "
                "{:.1f} % {}{}",
                cell.depth, cell.parameters, cell.wanted, std::abs(off),
                off < 0 ? "fewer" : "more",
                std::abs(off) <= 5 ? "" : "; no growth rate comes nearer");
  }
}

/// What is known so far, as files.
std::vector<CellResult> write_study(const Study& study) {
  std::vector<CellResult> results;
  StudyReport report{.title = "Study: " + study.folder.filename().string(),
                     .config_yaml = dump_config(study.config)};
  report.seed = study.config.study.seeds.front();
  for (const auto& cell : study.cells) {
    const auto result = study.result_of(cell);
    if (!result) continue;
    results.push_back(*result);
    const auto at = study.folder_of(cell);
    report.runs.push_back(
        {.result = *result,
         .epochs = read_csv(at / "summary.csv"),
         .layers = read_layers(layers_file(at)),
         .surface = read_surface(surface_file(at), study.points_of(cell))});
  }
  report.cells = std::ssize(study.cells);
  write_whole(study.folder / "study.csv", study_csv(results));
  write_whole(study.folder / "study.html", study_page(report));
  return results;
}

/// To be typed.
std::string command_to_go_on(const StudyArguments& args, const Study& study) {
  std::string command =
      args.program + " study -c " + argument_text(args.config);
  for (const auto& change : args.overrides) {
    command += " --set " + argument_text(change);
  }
  if (!args.device.empty()) command += " --device " + args.device;
  if (args.fetch.offline) command += " --offline";
  return command + " -o " + argument_text(study.folder);
}

int run_study(StudyArguments args) {
  const Study study = read_study(args);
  args.goes_on_by = command_to_go_on(args, study);
  say_sizes(study);
  make_folder(study.folder);
  const RunLock lock(study.folder);
  write_whole(study.folder / "config.yaml", dump_config(study.config));
  int64_t number = 0;
  for (const auto& cell : study.cells) {
    spdlog::info("network {} of {}: {}{}", ++number, study.cells.size(),
                 cell.name(), study.result_of(cell) ? ": is done already" : "");
    if (study.result_of(cell)) continue;
    int exit_code = run_cell(args, study.config.study, cell,
                             study.folder_of(cell), study.points_of(cell));
    write_study(study);
    if (exit_code == 0 && interrupted_by() != 0 &&
        number < std::ssize(study.cells)) {
      exit_code = 128 + interrupted_by();
      spdlog::info("{}: stopped between two networks. To go on:\n  {}",
                   name_of_signal(interrupted_by()), args.goes_on_by);
    }
    if (exit_code != 0) return exit_code;
  }
  const auto results = write_study(study);
  std::cout << study_table(groups_of(results)) << '\n'
            << claims_text(study_claims(results));
  spdlog::info("page: {}, numbers: {}", (study.folder / "study.html").string(),
               (study.folder / "study.csv").string());
  return 0;
}

}  // namespace

void add_study(CLI::App& app, int& exit_code) {
  auto args = std::make_shared<StudyArguments>();
  CLI::App* command = app.add_subcommand(
      "study",
      "Compare a network with and without skip connections, over depths and "
      "seeds");
  command
      ->add_option("-c,--config", args->config,
                   "A YAML file with a section study; - for standard input")
      ->required();
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_option("-o,--output", args->output,
                      "The study's folder; else runs/study-<config>");
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  add_fetch_options(*command, args->fetch);
  command->footer(
      "The same command again goes on with a study that was stopped.\n"
      "Examples:\n"
      "  skipzoo study -c configs/study/digits.yaml\n"
      "  skipzoo study -c configs/study/digits.yaml --set study.surface=21");
  command->callback([args, &app, &exit_code] {
    args->program = argument_text(app.get_name());
    exit_code = run_study(*args);
  });
}

}  // namespace skipzoo
