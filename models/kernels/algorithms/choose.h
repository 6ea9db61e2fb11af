#pragma once

#include "models/kernels/algorithms/grouped_convolution.h"
#include "models/kernels/algorithms/implicit_gemm.h"
#include "models/kernels/algorithms/winograd.h"
#include "models/kernels/verdict.h"

// For which shapes an algorithm is likely to be faster than those that would be
// taken instead, on this processor: every threshold between algorithms stands
// in choose.cpp, with what was measured. Whether an algorithm can compute a
// shape at all is said where it stands itself. Each says why or why not, which
// `skipzoo benchmark --explain` prints layer by layer.

namespace skipzoo {

/// Winograd's, beside a direct 3x3 convolution.
Verdict suits_winograd(const ConvolutionWork& work);
/// Implicit GEMM, of images of that type, beside oneDNN.
Verdict suits_implicit_gemm(const ConvolutionShape& shape, at::ScalarType type);
/// Loops over groups, of images of that type, beside oneDNN.
Verdict suits_groups(const GroupedShape& shape, at::ScalarType type);

/// A product of matrices: for each of `pixels`, `depth` numbers that kernels of
/// `taps` pixels cover, and as many results as there are `outputs`.
struct PixelProduct {
  int64_t pixels, taps, depth, outputs;
  bool in_place;  ///< The pixels are not copied.
};
/// Im2colConvolution, beside SmallConvolution and oneDNN.
Verdict suits_im2col(const PixelProduct& product);
/// Groups, channels of one in and out, and the pixels of the result.
struct GroupsWork {
  int64_t groups, in, out, pixels;
};
/// SmallConvolution with groups joined, beside oneDNN.
Verdict suits_joined_groups(const GroupsWork& work);
/// A convolution by panels of output channels: pixels of the result in rows of
/// `width`, kernels of `taps` pixels.
struct PanelWork {
  int64_t pixels, width, taps, in, out;
};
/// PanelConvolution, beside SmallConvolution and oneDNN.
Verdict suits_panels(const PanelWork& work);
/// SmallConvolution, beside oneDNN. products: multiplications in all.
Verdict suits_small_convolution(int64_t products);

}  // namespace skipzoo
