#pragma once

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace skipzoo {

/// Throws ConfigError, naming the nearest one, where the first word of a
/// command line is no subcommand.
void check_subcommand(const CLI::App& app,
                      const std::vector<std::string>& arguments);

/// What was probably meant by the first argument that its subcommand does not
/// know, as a sentence; empty where nothing is near.
std::string hint_for(CLI::App& app, const std::vector<std::string>& arguments);

}  // namespace skipzoo
