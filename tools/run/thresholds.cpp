#include "tools/run/thresholds.h"

#include <algorithm>
#include <filesystem>

#include "tools/data/csv_dataset.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// A config that weights are used by may leave it to its table.
bool has_several_labels(const DataOptions& data) {
  const bool asks_table = data.dataset == DatasetKind::kCsv &&
                          data.multi_label == MultiLabel::kAuto &&
                          std::filesystem::exists(data.csv);
  return asks_table ? !place_of_several_labels(data).empty()
                    : data.has_several_labels();
}

}  // namespace

std::vector<double> thresholds_for(const NetworkSource& source,
                                   const LoadedNetwork& network) {
  std::vector<double> known;
  if (network.metadata) known = network.metadata->thresholds;
  const auto classes = static_cast<size_t>(num_classes(network.config.model));
  const bool several =
      !known.empty() ||
      (!network.metadata && has_several_labels(network.config.data));
  if (several && known.size() != classes) known.assign(classes, 0.5);
  if (!source.threshold) return known;
  if (!several) {
    throw ConfigError(source.file.string() +
                      ": finds one label in a picture; a threshold is for "
                      "networks that find several");
  }
  std::ranges::fill(known, *source.threshold);
  return known;
}

}  // namespace skipzoo
