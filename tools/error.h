#pragma once

#include <filesystem>
#include <stdexcept>
#include <string>
#include <vector>

namespace skipzoo {

/// A config that cannot be run: one line per problem, each saying where, what,
/// and what would be right. Exit code 2.
struct ConfigError : std::runtime_error {
  explicit ConfigError(const std::string& problem)
      : std::runtime_error(problem) {}
  explicit ConfigError(const std::vector<std::string>& problems)
      : std::runtime_error(join(problems)) {}

 private:
  static std::string join(const std::vector<std::string>& lines) {
    std::string text;
    for (const auto& line : lines) text += (text.empty() ? "" : "\n") + line;
    return text;
  }
};

/// A file or folder that is not what it should be: `path: what`. Exit code 1.
struct FileError : std::runtime_error {
  FileError(const std::filesystem::path& path, const std::string& what)
      : std::runtime_error(path.string() + ": " + what) {}
  /// The same error with words added, such as the way out.
  FileError(const FileError& error, const std::string& more)
      : std::runtime_error(error.what() + more) {}
};

/// A run that went wrong, e.g. a loss that is not finite. Exit code 1.
struct TrainingError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// Another process of the run that cannot be reached. Exit code 1.
struct ConnectionError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

/// An export that was not published, for its outputs are not the network's or
/// its format cannot say what the network does. Exit code 1.
struct ExportError : std::runtime_error {
  using std::runtime_error::runtime_error;
};

}  // namespace skipzoo
