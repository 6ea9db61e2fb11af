#include "models/kernels/algorithms/choose.h"

#include <algorithm>

#include "models/kernels/simd/processor.h"

namespace skipzoo {

bool suits_winograd(const ConvolutionWork& work) {
  constexpr int64_t kTile = 4;  // Pixels of a tile, each way.
  const bool half = work.type == at::kBFloat16 && has_avx512_bf16();
  const auto& size = work.size;
  const int64_t pixels = work.images * size.height * size.width;
  const int64_t tiles = work.images * ((size.height + kTile - 1) / kTile) *
                        ((size.width + kTile - 1) / kTile);
  // Tiles enough to pay for transforming a weight, or for reading it from
  // memory. In bfloat16 a direct convolution multiplies twice as fast, with AMX
  // sixteen times.
  // A packed weight that stays in the cache pays at four, if there is enough of
  // it for the product to be most of the work.
  constexpr int64_t kLeastKernels = 64 * 64, kMostKernels = 256 * 256;
  const int64_t kernels = work.in * work.out;
  const bool is_cached = kernels >= kLeastKernels && kernels <= kMostKernels;
  const int64_t least = !work.packed ? (half ? 128 : 32)
                        : half       ? 96
                        : is_cached  ? 4
                                     : 16;
  constexpr int64_t kLeastChannels = 8;
  return has_avx2() && !(half && has_amx()) && tiles >= least &&
         // Less than half of a tile in use costs what it saves.
         pixels >= kTile * kTile / 2 * tiles &&
         std::min(work.in, work.out) >= kLeastChannels;
}

bool suits_implicit_gemm(const ConvolutionShape& shape, at::ScalarType type) {
  // Rows and columns enough for a product, and a weight, of which each tap is
  // read or added to for every pixel, that stays in L2. Of larger planes, and
  // without a stride, LibTorch's rows of pixels are as good.
  constexpr int64_t kLeastImages = 32, kLeastChannels = 32;
  constexpr int64_t kMostTaps = 9, kMostWeights = 256 * 256;
  constexpr int64_t kMostPixels = 17 * 17, kSmall = 4 * 4;
  // With AMX, oneDNN multiplies bfloat16 sixteen times as fast; without its
  // instructions, LibTorch takes it in float.
  const bool multiplies = type == at::kBFloat16
                              ? has_avx512_bf16() && !has_amx() &&
                                    shape.channels % 2 == 0 &&
                                    shape.outputs % 2 == 0
                              : type == at::kFloat || type == at::kDouble;
  return has_avx2() && multiplies && shape.images >= kLeastImages &&
         std::min(shape.channels, shape.outputs) >= kLeastChannels &&
         shape.channels * shape.outputs <= kMostWeights &&
         shape.kernel.height * shape.kernel.width <= kMostTaps &&
         shape.in.height * shape.in.width <=
             (shape.stride > 1 ? kMostPixels : kSmall);
}

bool suits_groups(const GroupedShape& shape, at::ScalarType type) {
  // Measured on a Zen 3 beside oneDNN (LibTorch 2.13), two threads, in GFLOP/s
  // of the forward pass: with groups of 4 channels 101 to 22, of 8 119 to 103,
  // of 16 141 to 134, of 32 151 to 123; gradients likewise. Of wider groups
  // oneDNN's blocks of channels are as full. With AVX-512, whose vectors these
  // loops leave half empty, it was not measured.
  constexpr int64_t kMostChannels = 32;
  return has_avx2() && !has_avx512() && type == at::kFloat &&
         shape.group <= kMostChannels;
}

bool suits_im2col(const PixelProduct& product) {
  // Measured at one image: beyond these the pixels of a kernel cost more to
  // copy, a 1x1 kernel's less, or a weight is little enough to be read by every
  // thread, or what oneDNN costs to call is worth its better use of the
  // processor.
  constexpr int64_t kMostProducts = 8 << 20;
  constexpr int64_t kMostPixels = 16, kMostOfFewChannels = 256,
                    kMostOf1x1 = 1024;
  constexpr int64_t kFewChannels = 64;  // Times those of a kernel.
  const auto& [pixels, taps, depth, outputs] = product;
  const int64_t most = taps == 1               ? kMostOf1x1
                       : depth <= kFewChannels ? kMostOfFewChannels
                                               : kMostPixels;
  return pixels <= most && pixels * depth * outputs <= kMostProducts;
}

bool suits_small_convolution(int64_t products) {
  // Where oneDNN's better use of the processor is worth what it costs to call.
  constexpr int64_t kMostProducts = 8 << 20;
  return products <= kMostProducts;
}

}  // namespace skipzoo
