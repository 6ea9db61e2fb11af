#include "tools/cli/init.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "tools/cli/commands.h"
#include "tools/cli/plan_trials.h"
#include "tools/cli/progress_bar.h"
#include "tools/cli/resume.h"
#include "tools/config/run_config.h"
#include "tools/data/layout.h"
#include "tools/data/sampler.h"
#include "tools/data/survey.h"
#include "tools/data/text.h"
#include "tools/error.h"
#include "tools/plan/plan.h"
#include "tools/plan/pretrained.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// Of more pictures than this, some are looked at.
constexpr int64_t kMostLookedAt = 2000;

DataOptions readable_at(const fs::path& place) {
  auto data = data_at(place);
  data.on_error = OnError::kSkip;
  data.workers = std::clamp(std::thread::hardware_concurrency(), 1U, 4U);
  return data;
}

const fs::path& place_of(const DataOptions& data) {
  return data.csv.empty() ? data.root : data.csv;
}

/// Their names; throws where there is nothing to tell apart.
std::vector<std::string> classes_at(const DataOptions& data) {
  auto classes = classes_found(data);
  if (classes.size() >= 2) return classes;
  throw FileError(place_of(data),
                  "has pictures of one class" +
                      (classes.empty() ? "" : ", " + quoted_list(classes)) +
                      "; two are the least that can be told apart" +
                      hint_of_wrapper(data));
}

std::vector<PictureFacts> facts_of(const Dataset& data, int64_t threads) {
  ProgressBar bar;
  return survey(data, {.most = kMostLookedAt,
                       .threads = threads,
                       .on_progress = [&](int64_t done, int64_t all) {
                         bar.update("looking", done, all);
                       }});
}

/// Opens the data as a run will, and says what is in them.
PicturesAtHand look_at(const DataOptions& data,
                       const std::optional<Pretrained>& pretrained,
                       TrainingData& opened) {
  PicturesAtHand pictures{.data = data,
                          .classes = classes_at(data),
                          .per_class = {},
                          .statistics = {}};
  const auto classes = std::ssize(pictures.classes);
  opened = open_training_data(data, 3, classes, /*seed=*/1);
  pictures.training = opened.train->size();
  pictures.validation = opened.validation->size();
  pictures.are_multi_label = opened.train->is_multi_label();
  pictures.per_class = class_counts(*opened.train);
  const auto looks = facts_of(*opened.train, data.workers);
  pictures.shorter_side = median_shorter_side(looks);
  if (pictures.shorter_side == 0) {
    throw FileError(place_of(data),
                    looks.empty() ? "has no pictures to train on"
                                  : "none of the pictures can be read; the "
                                    "first: " +
                                        looks.front().error);
  }
  pictures.are_grey = std::ranges::all_of(looks, [](const PictureFacts& one) {
    return !one.is_read() || one.is_grey;
  });
  const int64_t channels = pretrained          ? in_channels(pretrained->model)
                           : pictures.are_grey ? 1
                                               : 3;
  pictures.statistics = statistics_of(looks, channels);
  if (channels != 3) {
    opened = open_training_data(data, channels, classes, /*seed=*/1);
  }
  return pictures;
}

}  // namespace

fs::path config_of_place(const fs::path& place) {
  // "photos/" and "." have no file name of their own.
  const auto whole = fs::weakly_canonical(place);
  auto name = fs::is_directory(whole) ? whole.filename() : whole.stem();
  if (name.empty()) name = "pictures";
  return name += ".yaml";
}

void write_config_for(const InitRequest& request, const fs::path& file) {
  std::error_code unknown;
  if (fs::exists(file, unknown)) {
    throw ConfigError(file.string() +
                      ": is there already; 'skipzoo train -c' goes by it; for "
                      "a new choice, move it away first");
  }
  std::optional<Pretrained> pretrained;
  if (!request.weights.empty()) {
    pretrained = pretrained_by(request.weights, request.fetch);
  }
  const auto data = readable_at(request.place);
  TrainingData opened;
  const auto pictures = look_at(data, pretrained, opened);
  spdlog::info(
      "{} training and {} validation pictures of {} classes, {}{} of each; "
      "median shorter side {} pixels{}",
      pictures.training, pictures.validation, pictures.classes.size(),
      pictures.smallest_class(),
      pictures.smallest_class() == pictures.largest_class()
          ? ""
          : " to " + std::to_string(pictures.largest_class()),
      pictures.shorter_side, pictures.are_grey ? "; grey" : "");
  auto plan = plan_by_time(pictures, pretrained, request, opened);
  choose_lr_by_sweep(plan, request, opened);
  const auto folder = fs::absolute(file).parent_path();
  const auto text = config_text(plan, folder, argument_text(file.filename()));
  parse_config(text, file.string(), folder);  // Throws where it is none.
  write_output(file, [&](OutputFile& out) { out.write(text); });
  spdlog::info("{}: {}, pictures of {} x {}, {} epochs", file.string(),
               plan.network.words, plan.network.image_size,
               plan.network.image_size, plan.epochs);
}

void add_init(CLI::App& app) {
  auto request = std::make_shared<InitRequest>();
  auto output = std::make_shared<std::string>();
  CLI::App* command = app.add_subcommand(
      "init", "Write a config for pictures: network, size, epochs, rate");
  command
      ->add_option("place", request->place,
                   "A folder of pictures in class folders, with splits or "
                   "without; or a table of them")
      ->required();
  command->add_option("-o,--output", *output,
                      "The config; else <place>.yaml here");
  add_init_options(*command, *request);
  command->add_option("--device", request->device,
                      "auto, cpu, cuda or cuda:<index>");
  add_fetch_options(*command, request->fetch);
  command->footer(
      "Times a few steps of networks, from small to large, and sweeps the "
      "learning rate.\nEach line of the config says why it is so.\n"
      "Examples:\n"
      "  skipzoo init photos/\n"
      "  skipzoo init photos/ --weights resnet18 --minutes 60 -o photos.yaml");
  command->callback([request, output, &app] {
    const fs::path file =
        output->empty() ? config_of_place(request->place) : fs::path(*output);
    write_config_for(*request, file);
    spdlog::info("next: {} train -c {}", argument_text(app.get_name()),
                 argument_text(file));
  });
}

void add_init_options(CLI::App& command, InitRequest& request) {
  constexpr double kMost = 60 * 24 * 30;
  command.add_option("--weights", request.weights,
                     "Begin from these: a file, a run, or published ones by "
                     "their name (resnet18; see 'skipzoo weights')");
  command
      .add_option("--minutes", request.minutes, "That the training may take")
      ->check(CLI::Range(0.1, kMost))
      ->capture_default_str();
}

}  // namespace skipzoo
