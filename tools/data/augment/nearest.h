#pragma once

#include "tools/data/augment/affine.h"

namespace skipzoo {

// transform()'s two halves: into `out`, which is of the picture's size and
// filled with what stands outside.
void transform_nearest(const Image& image, const AffineMatrix& matrix,
                       Image& out);
/// kBilinear or kBicubic.
void transform_between(const Image& image, const AffineMatrix& matrix,
                       Resampling resampling, Image& out);

}  // namespace skipzoo
