#pragma once

#include <string>

#include "tools/config/value.h"

namespace skipzoo {

// What is said of a text of YAML by its letters alone.

/// Refuses what is no text, such as UTF-16 or a zip, before yaml-cpp makes
/// something of it. Throws ConfigError with the line and the byte.
void check_yaml_text(const std::string& text, const Origin& origin);

/// Why a line, counted from 0, is no YAML, as "; the line begins with a tab …";
/// empty where nothing is seen.
std::string cause_in_line(const std::string& text, int line);

}  // namespace skipzoo
