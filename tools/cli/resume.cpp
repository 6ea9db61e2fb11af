#include "tools/cli/resume.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <ctime>
#include <optional>
#include <sstream>

#include "tools/error.h"
#include "tools/file.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRuns = "runs";

std::string config_name(const TrainArguments& args) {
  return fs::path(args.config).stem().string();
}

/// Whether `rest` is "-<date>-<time>", perhaps with a number behind.
bool is_stamp(const std::string& rest) {
  return rest.size() >= 16 && rest[0] == '-' && rest[9] == '-' &&
         std::all_of(rest.begin() + 1, rest.end(),
                     [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

/// The newest folder under runs/ of this config that holds a checkpoint.
fs::path newest_run(const TrainArguments& args) {
  const std::string name = config_name(args);
  std::optional<fs::path> newest;
  if (fs::is_directory(kRuns)) {
    for (const auto& entry : fs::directory_iterator(kRuns)) {
      const auto folder = entry.path().filename().string();
      if (!folder.starts_with(name) || !is_stamp(folder.substr(name.size())) ||
          !fs::exists(RunFolder::open(entry.path()).last()) ||
          RunFolder::open(entry.path()).origin() != origin_of(args)) {
        continue;
      }
      if (!newest || newest->filename() < entry.path().filename()) {
        newest = entry.path();
      }
    }
  }
  if (!newest) {
    throw FileError(kRuns, "holds no run of '" + name +
                               "' to resume; name one "
                               "by --resume PATH, or start without --resume");
  }
  return *newest;
}

/// Says where two resolved configs first differ.
void warn_of_difference(const std::string& what, const std::string& a,
                        const std::string& b) {
  std::istringstream a_lines(a), b_lines(b);
  for (std::string x, y; std::getline(a_lines, x);) {
    std::getline(b_lines, y);
    if (x == y) continue;
    const auto trimmed = [](const std::string& line) {
      return line.substr(std::min(line.find_first_not_of(' '), line.size()));
    };
    spdlog::warn("{}; first at '{}' against '{}'", what, trimmed(x),
                 trimmed(y));
    return;
  }
}

}  // namespace

fs::path new_run_folder(const TrainArguments& args) {
  if (!args.output.empty()) return args.output;
  const std::time_t now = std::time(nullptr);
  char stamp[32];
  std::strftime(stamp, sizeof(stamp), "%Y%m%d-%H%M%S", std::localtime(&now));
  return make_folder_of_its_own(fs::path(kRuns) /
                                (config_name(args) + "-" + stamp));
}

std::string origin_of(const TrainArguments& args) {
  return args.config.empty() ? "" : fs::weakly_canonical(args.config).string();
}

fs::path checkpoint_to_resume(const TrainArguments& args) {
  fs::path path = args.resume.front();
  if (!path.empty() && !args.output.empty()) {
    throw ConfigError(
        "--resume PATH goes on in the folder of that run; drop -o");
  }
  if (path.empty()) path = args.output;
  if (path.empty()) {
    if (args.config.empty()) {
      throw ConfigError(
          "--resume: give a run folder, or -c for the newest run "
          "of that config");
    }
    path = newest_run(args);
  }
  return fs::is_directory(path) ? RunFolder::open(path).last() : path;
}

LoadedConfig resumed_config(const TrainArguments& args,
                            const Checkpoint& checkpoint,
                            const fs::path& from) {
  auto loaded = parse_config(checkpoint.identity.config, from.string(),
                             fs::current_path(), args.overrides);
  const auto text = dump_config(loaded.config);
  warn_of_difference("--set changes the config this run began with", text,
                     checkpoint.identity.config);
  if (!args.config.empty()) {
    const auto named = load_config(args.config, args.overrides).config;
    warn_of_difference(
        "the run goes on with the config it began with, not "
        "that of " +
            args.config,
        text, dump_config(named));
  }
  return loaded;
}

}  // namespace skipzoo
