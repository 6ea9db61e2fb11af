#include "tools/study/cells.h"

#include <algorithm>
#include <cmath>
#include <filesystem>

#include "models/classifier.h"
#include "models/make_model.h"
#include "tools/config/study_depths.h"
#include "tools/error.h"

namespace skipzoo {

namespace {

/// More than this and the stem is widened or narrowed too, in percent.
constexpr double kClose = 5;

int64_t size_of(const ModelOptions& network) {
  return count_parameters(*make_uninitialised(network));
}

/// A dense network's layers, spread over its blocks.
std::vector<int64_t> spread(int64_t layers, int64_t blocks) {
  std::vector<int64_t> each(static_cast<size_t>(blocks), layers / blocks);
  for (int64_t i = 0; i < layers % blocks; ++i) ++each[static_cast<size_t>(i)];
  return each;
}

/// Of numbers whose sizes rise, the first whose size reaches `wanted`.
template <typename SizeOf>
int64_t first_reaching(int64_t wanted, const SizeOf& size) {
  int64_t low = 1, high = 2;
  while (size(high) < wanted) high *= 2;
  while (low < high) {
    const int64_t middle = (low + high) / 2;
    if (size(middle) < wanted) {
      low = middle + 1;
    } else {
      high = middle;
    }
  }
  return low;
}

/// Looks for the network that is nearest in size.
class Search {
 public:
  Search(DenseNetOptions network, int64_t wanted)
      : best_(network), network_(std::move(network)), wanted_(wanted) {}

  /// The growth rates between which the wanted size lies, with this stem.
  void growth() {
    const int64_t rate = first_reaching(wanted_, [&](int64_t growth) {
      return with(growth, network_.num_init_features);
    });
    rates_ = {std::max<int64_t>(1, rate - 1), rate};
    for (const int64_t each : rates_) note(each, network_.num_init_features);
  }
  /// The stems that are best with those.
  void stem() {
    for (const int64_t rate : rates_) {
      const int64_t width = first_reaching(
          wanted_, [&](int64_t stem) { return with(rate, stem); });
      for (const int64_t each : {width - 1, width}) {
        if (each >= 1) note(rate, each);
      }
    }
  }
  double off() const {
    return 100 * std::abs(static_cast<double>(best_size_ - wanted_)) /
           static_cast<double>(wanted_);
  }
  const DenseNetOptions& best() const { return best_; }

 private:
  int64_t with(int64_t growth, int64_t stem) {
    auto tried = network_;
    tried.growth_rate = growth;
    tried.num_init_features = stem;
    return size_of(tried);
  }
  void note(int64_t growth, int64_t stem) {
    const int64_t size = with(growth, stem);
    if (best_size_ != 0 &&
        std::abs(size - wanted_) >= std::abs(best_size_ - wanted_)) {
      return;
    }
    best_size_ = size;
    best_.growth_rate = growth;
    best_.num_init_features = stem;
  }

  DenseNetOptions best_, network_;
  int64_t wanted_;
  int64_t best_size_ = 0;
  std::vector<int64_t> rates_;
};

/// The first of the study's networks with a shortcut, which the dense one is to
/// be as large as; where there is none, the plain one.
std::string residual_of(const std::vector<std::string>& skips) {
  const auto found = std::ranges::find_if(
      skips, [](const auto& skip) { return skip != kDense && skip != kPlain; });
  return found == skips.end() ? std::string(kPlain) : *found;
}

/// As a file with this config would be checked.
void check_cell(const StudyCell& cell) {
  parse_config(dump_config(cell.config), "study: " + cell.name(),
               std::filesystem::current_path());
}

}  // namespace

ModelOptions dense_twin(const ModelOptions& residual, int64_t depth) {
  const int64_t wanted = size_of(residual);
  DenseNetOptions dense{.bn_size = 0, .compression = 1};
  std::visit(
      [&](const auto& options) {
        if constexpr (requires { options.widths; }) {
          const auto stages = std::ssize(options.widths);
          // A stem, the transitions between blocks, and the last layer.
          dense.block_config = spread(depth - 1 - stages, stages);
          dense.num_init_features = options.widths.front();
          dense.stem = options.stem;
        }
        dense.in_channels = options.in_channels;
        dense.num_classes = options.num_classes;
        dense.kernels = options.kernels;
      },
      residual);
  Search search(std::move(dense), wanted);
  search.growth();
  if (search.off() > kClose) search.stem();
  return search.best();
}

std::vector<StudyCell> study_cells(const RunConfig& study) {
  const auto& [skips, depths, seeds, pictures, surface] = study.study;
  std::vector<StudyCell> cells, networks;
  for (const auto& skip : skips) {
    for (const int64_t depth : depths) {
      StudyCell cell{.skip = skip, .depth = depth, .config = study};
      cell.config.study = {};
      if (is_shortcut_of(study.model, skip)) {
        cell.config.model = with_depth(study.model, skip, depth);
      } else {
        const auto twin = with_depth(study.model, residual_of(skips), depth);
        cell.wanted = size_of(twin);
        cell.config.model = dense_twin(twin, depth);
      }
      check_cell(cell);
      cell.parameters = size_of(cell.config.model);
      networks.push_back(std::move(cell));
    }
  }
  for (const int64_t seed : seeds) {
    for (auto cell : networks) {
      cell.seed = cell.config.train.seed = seed;
      cells.push_back(std::move(cell));
    }
  }
  return cells;
}

double parameters_off(const StudyCell& cell) {
  if (cell.wanted == 0) return 0;
  return 100 * static_cast<double>(cell.parameters - cell.wanted) /
         static_cast<double>(cell.wanted);
}

}  // namespace skipzoo
