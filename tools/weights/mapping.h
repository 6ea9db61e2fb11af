#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "models/named_tensors.h"
#include "models/weight_names.h"

namespace skipzoo {

/// Which tensor of a file each tensor of a network is, by their names.
struct Mapping {
  /// For each tensor of the network, its place in the file.
  std::vector<std::optional<size_t>> places;
  /// What every name of the network has in front of it in the file, as
  /// "module.encoder_q."; empty for nothing.
  std::string prefix;
  /// Others under which the network is there just as well.
  std::vector<std::string> rivals;
  /// Rules that renamed, with how many names.
  std::vector<std::pair<std::string, int64_t>> renamed;
  /// Tensors of the file that belong to a part as the network has them, but not
  /// to the network: a deeper one's layers, projections of its shortcuts.
  std::vector<std::string> unexpected;
  /// All others: of another network, a criterion, a queue, counters of a
  /// profiler.
  std::vector<std::string> beside;
};

/// Takes the prefix under which most names and shapes fit, the first in the
/// file where several do; `head` is the network's last layer, `rules` are its
/// family's. Takes time in proportion to the length of the names.
Mapping map_names(const NamedTensors& file, const NamedTensors& own,
                  const std::string& head, NameRules rules);

}  // namespace skipzoo
