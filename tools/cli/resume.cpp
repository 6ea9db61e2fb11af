#include "tools/cli/resume.h"

#include <spdlog/spdlog.h>

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <ctime>
#include <optional>
#include <string_view>
#include <tuple>

#include "tools/config/compare.h"
#include "tools/config/source.h"
#include "tools/error.h"
#include "tools/file.h"
#include "tools/train/run_folder.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

constexpr const char* kRuns = "runs";

std::string config_name(const TrainArguments& args) {
  return is_piped(args.config) ? "piped"
                               : fs::path(args.config).stem().string();
}

/// Whether `rest` is "-<date>-<time>", perhaps with a number behind.
bool is_stamp(const std::string& rest) {
  return rest.size() >= 16 && rest[0] == '-' && rest[9] == '-' &&
         std::all_of(rest.begin() + 1, rest.end(),
                     [](char c) { return c == '-' || (c >= '0' && c <= '9'); });
}

/// What is worth the more the greater it is: a checkpoint, a late start, a high
/// number among those of one second ("-12" after "-9").
std::tuple<bool, std::string, int64_t> worth_of(const fs::path& folder,
                                                const std::string& name) {
  const auto stamp = folder.filename().string().substr(name.size());
  const auto number = stamp.substr(std::min<size_t>(stamp.size(), 17));
  return {!RunFolder::open(folder).checkpoint().empty(), stamp.substr(0, 16),
          number.empty() ? 1 : std::atoll(number.c_str())};
}

/// The newest folder under runs/ of this config; those that hold a checkpoint
/// come first.
fs::path newest_run(const TrainArguments& args) {
  const std::string name = config_name(args);
  std::optional<fs::path> newest;
  if (fs::is_directory(kRuns)) {
    for (const auto& entry : fs::directory_iterator(kRuns)) {
      const auto folder = entry.path().filename().string();
      if (!folder.starts_with(name) || !is_stamp(folder.substr(name.size())) ||
          RunFolder::open(entry.path()).origin() != origin_of(args)) {
        continue;
      }
      if (!newest || worth_of(*newest, name) < worth_of(entry.path(), name)) {
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

/// Says where two configs first differ.
void warn_of_difference(const std::string& what, const RunConfig& first,
                        const RunConfig& second) {
  const auto found = differences(first, second);
  if (found.empty()) return;
  spdlog::warn("{}; first at '{}' against '{}'", what, found.front().first,
               found.front().second);
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
  if (args.config.empty() || is_piped(args.config)) return "";
  return fs::weakly_canonical(args.config).string();
}

ToResume run_to_resume(const TrainArguments& args) {
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
  if (!fs::exists(path)) throw FileError(path, "no such run or checkpoint");
  if (!fs::is_directory(path)) {
    return {.folder = fs::absolute(path).parent_path(), .checkpoint = path};
  }
  const auto folder = RunFolder::open(path);
  if (folder.checkpoint().empty() && !fs::exists(folder.config())) {
    throw FileError(path,
                    "holds neither last.skz nor config.yaml of a run; begin "
                    "one there by -c and -o");
  }
  return {.folder = path, .checkpoint = folder.checkpoint()};
}

std::string argument_text(const fs::path& path) {
  const std::string text = path.string();
  const auto is_plain = [](char c) {
    const auto byte = static_cast<unsigned char>(c);
    return byte >= 0x80 || std::isalnum(byte) != 0 ||
           std::string_view("/._-+,:@%=").find(c) != std::string_view::npos;
  };
  if (std::all_of(text.begin(), text.end(), is_plain)) return text;
  std::string quoted = "'";
  for (const char c : text) quoted += c == '\'' ? "'\\''" : std::string(1, c);
  return quoted + "'";
}

std::string place_text(const Position& position) {
  return "epoch " + std::to_string(position.epoch + 1) + ", batch " +
         std::to_string(position.batch);
}

LoadedConfig resumed_config(const TrainArguments& args,
                            const std::string& began_with, const fs::path& from,
                            int64_t format) {
  auto loaded =
      parse_resolved_config(began_with, from.string(), args.overrides, format);
  warn_of_difference(
      "--set changes the config this run began with", loaded.config,
      parse_resolved_config(began_with, from.string(), {}, format).config);
  if (!args.config.empty()) {
    warn_of_difference(
        "the run goes on with the config it began with, not that of " +
            args.config,
        loaded.config, load_config(args.config, args.overrides).config);
  }
  return loaded;
}

}  // namespace skipzoo
