#pragma once

#include <filesystem>
#include <string>

namespace skipzoo {

/// The text of a config and where it is from.
struct ConfigText {
  std::string text;
  std::string name;              ///< For messages.
  std::filesystem::path folder;  ///< What paths in it are relative to.
};

/// Reads a file, a pipe as of `-c <(command)`, or, for "-", standard input.
/// Waits a few seconds for someone to open a named pipe, a minute for each
/// piece of what they write, and takes a megabyte at most. Throws ConfigError.
ConfigText read_config_text(const std::filesystem::path& file);

/// Whether the config comes through a pipe or standard input, and so has no
/// name or place of its own.
bool is_piped(const std::filesystem::path& file);

}  // namespace skipzoo
