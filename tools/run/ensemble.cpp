#include "tools/run/ensemble.h"

#include <ATen/TensorOperators.h>
#include <spdlog/spdlog.h>

#include <system_error>
#include <utility>
#include <vector>

#include "tools/error.h"
#include "tools/run/trained_with.h"

namespace skipzoo {

namespace fs = std::filesystem;

namespace {

/// several: labels a picture.
Forward mean_of_probabilities(std::vector<Forward> members, bool several) {
  return [members = std::move(members), several](const torch::Tensor& images) {
    torch::Tensor sum;
    for (const auto& member : members) {
      const auto logits = member(images).to(torch::kFloat);
      const auto probabilities =
          several ? logits.sigmoid() : logits.softmax(/*dim=*/1);
      sum = sum.defined() ? sum.add_(probabilities) : probabilities;
    }
    const auto mean = sum.div_(static_cast<double>(members.size()));
    // Of what is certain it is a number still.
    constexpr double kLeast = 1e-30, kOfLogit = 1e-7;
    return several ? mean.logit_(kOfLogit) : mean.clamp_min_(kLeast).log_();
  };
}

}  // namespace

fs::path folder_of_fold(const fs::path& folder, int64_t fold) {
  return folder / ("fold-" + std::to_string(fold));
}

int64_t folds_in(const fs::path& folder) {
  int64_t folds = 0;
  std::error_code unknown;
  while (fs::is_directory(folder_of_fold(folder, folds + 1), unknown)) ++folds;
  return folds;
}

LoadedNetwork load_ensemble(const NetworkSource& source) {
  std::vector<Forward> members;
  LoadedNetwork whole;
  const int64_t folds = folds_in(source.file);
  for (int64_t fold = 1; fold <= folds; ++fold) {
    NetworkSource one = source;
    one.file = folder_of_fold(source.file, fold);
    auto network = load_network(one);
    members.push_back(network.forward);
    for (size_t c = 0; fold > 1 && c < whole.thresholds.size(); ++c) {
      whole.thresholds[c] += network.thresholds.at(c);
    }
    if (fold == 1) {
      whole = std::move(network);
    } else if (whole.metadata && network.metadata &&
               whole.metadata->classes != network.metadata->classes) {
      throw FileError(one.file,
                      "its classes are not those of fold-1: these are no folds "
                      "of one run");
    }
  }
  const auto trained =
      whole.metadata ? config_of(*whole.metadata) : std::nullopt;
  if (trained && trained->data.folds() != folds) {
    throw FileError(source.file, "holds " + std::to_string(folds) + " of " +
                                     std::to_string(trained->data.folds()) +
                                     " folds; go on with the others, or give "
                                     "one of them, as fold-1");
  }
  spdlog::info("{}: the mean of {} networks", source.file.string(), folds);
  whole.members = folds;
  whole.config.data.holdout = 0;
  for (auto& threshold : whole.thresholds) {
    threshold /= static_cast<double>(folds);
  }
  whole.forward =
      mean_of_probabilities(std::move(members), whole.finds_several());
  return whole;
}

void refuse_ensemble(const LoadedNetwork& network, const std::string& what) {
  if (network.members == 1) return;
  throw ConfigError(what + " is of one network, and these are " +
                    std::to_string(network.members) +
                    " folds; give one of them, as fold-1");
}

}  // namespace skipzoo
