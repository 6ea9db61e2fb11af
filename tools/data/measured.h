#pragma once

#include "tools/data/options.h"

namespace skipzoo {

/// Which pictures are to be measured.
enum class Measured {
  kVal,  ///< What the run validated on: its held-out pictures, else kTest.
  kTrain,
  kTest,
  kHoldout
};

/// What that comes to.
struct MeasuredPart {
  Measured part;            ///< Not kVal.
  bool by_holdout = false;  ///< One of the two parts that the run dealt its
                            ///< training split into; else a whole split.
  bool trained_on = false;  ///< The run was trained on these pictures.
};

/// `data` are there to be measured; `run` are those of the run that the weights
/// are of, null for weights of no run. Throws ConfigError where held-out
/// pictures are asked for and there are none.
MeasuredPart part_to_measure(Measured asked, const DataOptions& data,
                             const DataOptions* run);

}  // namespace skipzoo
