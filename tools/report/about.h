#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

namespace skipzoo {

/// A layer of a network, as a page lists it.
struct LayerLine {
  std::string name;
  std::string output;  ///< "16x32x32".
  int64_t parameters = 0;
  int64_t macs = 0;  ///< Multiply-accumulates for one image.
};

/// What a run is of, and where it runs: for the foot of its page.
struct RunAbout {
  std::vector<LayerLine> layers = {};  ///< In the order they run.
  /// Names and values: versions, device, threads. Text, not HTML.
  std::vector<std::pair<std::string, std::string>> environment = {};
};

/// The network layer by layer, and the environment, folded; "" for nothing.
std::string about_html(const RunAbout& about);

}  // namespace skipzoo
