#include <spdlog/spdlog.h>

#include <cmath>
#include <filesystem>
#include <iostream>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/cli/commands.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/resume.h"
#include "tools/cli/set_up.h"
#include "tools/cli/sweep.h"
#include "tools/data/layout.h"
#include "tools/error.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

struct LrFindArguments {
  std::string program;
  std::string config;
  std::vector<std::string> overrides;
  std::string device;
  FetchOptions fetch;
  LrSweepOptions sweep;
  std::string out = "lr_find.html";
};

/// Before anything is read: what contradicts itself on the command line.
void check_lr_find(const LrFindArguments& args) {
  const auto& [min_lr, max_lr, steps] = args.sweep;
  if (std::isnan(min_lr) || std::isnan(max_lr) || min_lr >= max_lr) {
    throw ConfigError("lr-find: --min-lr must be below --max-lr, got " +
                      rate_text(min_lr) + " and " + rate_text(max_lr));
  }
  if (std::filesystem::path(args.out).extension() != ".html") {
    throw ConfigError(
        "lr-find: --out names the page, which ends in .html, got '" + args.out +
        "'; the numbers go beside it, as .csv");
  }
}

LrSweep sweep_of(const LrFindArguments& args, const RunConfig& config,
                 const TrainingSetup& setup) {
  ProgressBar bar;
  const int64_t images = config.data.batch_size * config.train.grad_accum_steps;
  return sweep_rates(config, setup, args.sweep, [&](int64_t done) {
    bar.update("lr-find", done * images, args.sweep.steps * images);
  });
}

void run_lr_find(const LrFindArguments& args) {
  check_lr_find(args);
  auto [config, warnings] = load_config(args.config, args.overrides);
  if (!args.device.empty()) config.train.device = args.device;
  for (const auto& warning : warnings) spdlog::warn(warning);
  config.data = as_laid_out(config.data);
  const auto setup = set_up_training(config, args.fetch);
  const auto sweep = sweep_of(args, config, setup);
  const auto& points = sweep.points();
  const auto found = suggestion(points, args.sweep.steps);
  const std::filesystem::path page = args.out;
  const auto csv = std::filesystem::path(page).replace_extension(".csv");
  const LrReport report = {
      .title = "Learning rates of " +
               std::filesystem::path(args.config).stem().string(),
      .network = std::string(family_name(config.model)) + ", " +
                 std::to_string(count_parameters(*setup.model)) + " parameters",
      .points = points,
      .suggested = found,
      .diverged = sweep.diverged(),
      .config_yaml = dump_config(config)};
  write_output(page, [&](OutputFile& file) { file.write(lr_page(report)); });
  write_output(csv, [&](OutputFile& file) { file.write(lr_csv(points)); });
  spdlog::info("{} steps{}; curve: {}, numbers: {}", points.size(),
               sweep.diverged() ? " until the loss diverged" : "",
               page.string(), csv.string());
  if (!found) {
    throw TrainingError(
        "no learning rate is suggested: the loss falls nowhere between " +
        rate_text(points.front().lr) + " and " + rate_text(points.back().lr) +
        "; try another range, or more --steps");
  }
  const auto rate = "train.optimizer.lr=" + rate_text(points[*found].lr);
  std::cout << rate << '\n';
  spdlog::info("next: {} train -c {} --set {}", args.program,
               argument_text(args.config), rate);
}

}  // namespace

void add_lr_find(CLI::App& app) {
  auto args = std::make_shared<LrFindArguments>();
  CLI::App* command = app.add_subcommand(
      "lr-find", "Suggest a learning rate, by a short training at rising ones");
  command->add_option("-c,--config", args->config, "The run's YAML file")
      ->required();
  command->add_option("--set", args->overrides, "Change a key: a.b=value")
      ->allow_extra_args(false);
  command->add_option("--device", args->device,
                      "auto, cpu, cuda or cuda:<index>; else train.device");
  add_fetch_options(*command, args->fetch);
  constexpr double kLeast = 1e-30, kMost = 1e30;
  auto& sweep = args->sweep;
  command->add_option("--min-lr", sweep.min_lr, "The rate of the first step")
      ->check(CLI::Range(kLeast, kMost))
      ->capture_default_str();
  command->add_option("--max-lr", sweep.max_lr, "The rate of the last step")
      ->check(CLI::Range(kLeast, kMost))
      ->capture_default_str();
  command
      ->add_option("--steps", sweep.steps,
                   "Steps; fewer where the loss is four times its least")
      ->check(CLI::Range(int64_t{20}, int64_t{10'000}))
      ->capture_default_str();
  command
      ->add_option("--out", args->out,
                   "The page with the curve; a .csv goes beside it")
      ->capture_default_str();
  command->footer(
      "The suggestion is printed as --set takes it; no weights are written.\n"
      "Example:\n  skipzoo lr-find -c configs/digits/resnet20.yaml");
  command->callback([args, &app] {
    args->program = argument_text(app.get_name());
    run_lr_find(*args);
  });
}

}  // namespace skipzoo
