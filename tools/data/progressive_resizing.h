#pragma once

#include <cstdint>
#include <string_view>

#include "models/fields.h"

namespace skipzoo {

/// Training pictures that grow from epoch to epoch, as small ones are soon
/// through a network. Keys and rule are ffcv-imagenet's (`resolution.*` of its
/// train_imagenet.py; Leclerc et al. 2023, arXiv:2306.12517). Epochs count from
/// 0.
struct ProgressiveResizingOptions {
  /// Height and width up to the epoch start_ramp; 0: no such schedule.
  int64_t min_res = 0;
  /// Height and width from the epoch end_ramp on.
  int64_t max_res = 0;
  int64_t start_ramp = 0;
  int64_t end_ramp = 0;
  /// Sizes in between are multiples of it. ffcv's is always 32, which is a
  /// whole CIFAR picture.
  int64_t multiple = 32;

  template <typename Fields>
  void describe(Fields& field) {
    field("min_res", min_res, "height and width at first; 0: no such schedule",
          between(0, 16384));
    field("max_res", max_res, "height and width at last", between(0, 16384));
    field("start_ramp", start_ramp, "epoch, from 0, after which pictures grow",
          at_least(0));
    field("end_ramp", end_ramp, "epoch from which they have their last size",
          at_least(0));
    field("multiple", multiple, "what sizes in between are multiples of",
          between(1, 1024));
  }
  bool enabled() const { return min_res > 0; }
  bool uses(std::string_view key) const {
    return enabled() || key == "min_res";
  }
  void validate(Problems& problems) const;

  /// Height and width in that epoch: interpolated linearly between the two
  /// ramps, to the nearest multiple (halves to the even one, as NumPy rounds),
  /// but never beyond min_res and max_res.
  int64_t size_in_epoch(int64_t epoch) const;
};

}  // namespace skipzoo
