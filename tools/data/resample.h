#pragma once

#include <cstdint>
#include <vector>

#include "tools/data/image.h"
#include "tools/data/options.h"

namespace skipzoo {

/// Which values each of the results along a side is made of, and with which
/// weights: PIL's antialiased filters, in PyTorch's 16-bit integers.
///
/// Result i: the values from first[i] on, by the `taps` weights from number
/// i * taps on; (their sum + 2^(shift - 1)) / 2^shift, cut to 0..255. Those
/// that a result does not need have weight 0 and may lie behind the last value.
struct Taps {
  std::vector<int64_t> first;
  std::vector<int64_t> count;  ///< Those that are needed, at most `taps`.
  std::vector<int16_t> weights;
  int64_t taps = 0;  ///< A multiple of 4.
  int shift = 0;     ///< 1 to 22.

  Taps(int64_t from, int64_t to, Interpolation interpolation);
};

/// Whether resample() is faster here than PyTorch's operators, which are
/// vectorised everywhere.
bool resamples_fast();

/// The picture resized to (height, width): along the rows, then along the
/// columns, each where it changes, with a byte of each pixel in between; as
/// PyTorch's _upsample_bilinear2d_aa and _upsample_bicubic2d_aa of uint8 do it.
/// Of 1 or 3 channels; height and width at least 1.
Image resample(const Image& image, int64_t height, int64_t width,
               Interpolation interpolation);

}  // namespace skipzoo
