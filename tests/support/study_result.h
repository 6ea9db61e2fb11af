#pragma once

#include <string>

#include "tools/study/cell_result.h"

namespace skipzoo {

/// A network of ordinary numbers.
inline CellResult made_up(const std::string& skip, int64_t depth,
                          int64_t seed) {
  CellResult result{.skip = skip, .depth = depth, .seed = seed};
  result.parameters = 1000;
  result.epochs = 4;
  result.train_loss = 1;
  result.fit_loss = 1;
  result.fit_top1 = 90;
  result.test_loss = 1;
  result.test_top1 = 80;
  result.seconds_per_epoch = 2;
  result.half_loss_epoch = 3;
  result.gradient_ratio_at_start = 1;
  result.gradient_ratio_in_training = 1;
  return result;
}

}  // namespace skipzoo
