#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "tools/config/run_config.h"

namespace skipzoo {

/// One network of a study, trained from one seed.
struct StudyCell {
  std::string skip;  ///< A word of study_skips().
  int64_t depth = 0;
  int64_t seed = 0;
  RunConfig config;        ///< As `skipzoo train` would take it.
  int64_t parameters = 0;  ///< That are trained.
  /// Those of the network that the dense one is to be as large as, else 0.
  int64_t wanted = 0;

  /// Its folder: "dense-56-1".
  std::string name() const {
    return skip + "-" + std::to_string(depth) + "-" + std::to_string(seed);
  }
};

/// The DenseNet of the depth of a residual network, whose parameters come
/// nearest to its: without bottlenecks or compression (Huang et al. 2017,
/// arXiv:1608.06993, section 3, "DenseNet"), as many blocks as it has stages,
/// its layers spread over them as evenly as may be, the first with those left
/// over. The growth rate is chosen with the stem as wide as the first stage;
/// where that is more than 5 % off, the stem's width too.
ModelOptions dense_twin(const ModelOptions& residual, int64_t depth);

/// All cells of a config with a study, the seeds one after the other: all
/// networks of the first come first. Throws ConfigError, naming the cell, where
/// one cannot be trained: all are checked as a config of their own is.
std::vector<StudyCell> study_cells(const RunConfig& study);

/// How far a dense network's parameters are off, in percent; 0 for others.
double parameters_off(const StudyCell& cell);

}  // namespace skipzoo
