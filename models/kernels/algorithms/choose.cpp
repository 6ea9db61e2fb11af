#include "models/kernels/algorithms/choose.h"

#include <algorithm>

#include "models/kernels/simd/processor.h"

// Where nothing else is said, "measured" is: float32 by one thread of a Zen 3
// (AVX2) beside oneDNN (LibTorch 2.13), times as fast; in training forward and
// both gradients, in inference with a packed weight, a bias and a ReLU.

namespace skipzoo {

namespace {

constexpr Verdict kNoAvx2 = declined("no AVX2");

}  // namespace

Verdict suits_winograd(const ConvolutionWork& work) {
  constexpr int64_t kTile = 4;  // Pixels of a tile, each way.
  const bool half = work.type == at::kBFloat16 && has_avx512_bf16();
  const auto& size = work.size;
  const int64_t pixels = work.images * size.height * size.width;
  const int64_t tiles = work.images * ((size.height + kTile - 1) / kTile) *
                        ((size.width + kTile - 1) / kTile);
  // Tiles enough to pay for transforming a weight, or for reading it from
  // memory. In bfloat16 a direct convolution multiplies twice as fast, with AMX
  // sixteen times. Measured in training with 64 channels: 8 and 16 tiles 1.0 to
  // 1.1, 32 tiles 2.0, 128 tiles 2.1; with 16 channels 3.4, 3.0, 2.5 and 1.7.
  // A packed weight that stays in the cache pays at four, if there is enough of
  // it for the product to be most of the work: measured by two threads, within
  // networks, with 64 channels 4 tiles 1.6 (ResNet-20) and 0.9 (ResNet-164,
  // whose weights push each other out of the cache), with 256 channels 0.6, for
  // four times the weight is read from memory; with 128 channels 1.06, and with
  // AVX-512 1.0 to 1.02. Of fewer channels and tiles SmallConvolution is as
  // good: 16 channels, 4 tiles, 5 us both.
  constexpr int64_t kLeastKernels = 64 * 64, kMostKernels = 128 * 128;
  const int64_t kernels = work.in * work.out;
  const bool is_cached = kernels >= kLeastKernels && kernels <= kMostKernels;
  const int64_t least = !work.packed ? (half ? 128 : 32)
                        : half       ? 96
                        : is_cached  ? 4
                                     : 16;
  // Of fewer, the transforms are more work than the products: measured in
  // training 4 channels 0.6, 8 channels 0.7 (by two threads 1.9), 16 1.4.
  constexpr int64_t kLeastChannels = 8;
  const int64_t channels = std::min(work.in, work.out);
  if (!has_avx2()) return kNoAvx2;
  if (half && has_amx()) {
    return declined("with AMX, direct products of bfloat16 are faster");
  }
  if (channels < kLeastChannels) {
    return declined("fewer than # channels: #", kLeastChannels, channels);
  }
  if (tiles < least) {
    return declined("fewer tiles than the # that pay for transforms: #", least,
                    tiles);
  }
  // Less than half of a tile in use costs what it saves: measured in training
  // planes of 5x5 1.1, of 6x6, 56 % in use, 1.6; of 2x2 1.2, where implicit
  // GEMM is 3.5.
  if (pixels < kTile * kTile / 2 * tiles) {
    return declined("tiles of 4x4 less than half full: # pixels in #", pixels,
                    tiles);
  }
  return taken("# tiles of 4x4 pixels, and # pay for transforms", tiles, least);
}

Verdict suits_implicit_gemm(const ConvolutionShape& shape,
                            at::ScalarType type) {
  // Rows and columns enough for a product, and a weight, of which each tap is
  // read or added to for every pixel, that stays in L2. Of larger planes, and
  // without a stride, LibTorch's rows of pixels are as good. Measured in
  // training, 3x3, 64 images and channels: at stride 2 planes of 8x8 1.7, 16x16
  // 1.3, 17x17 and 24x24 1.2, 32x32 1.1; at stride 1 2x2 3.5, 4x4 1.5, 8x8 1.2,
  // where Winograd's is 2.6; 1x1 at 4x4 1.5, at 8x8 1.0. A weight of 256x256
  // 2.0, of 512x512 1.6; kernels of 5x5 and 7x7 1.3. Of 8 channels 3.2. Of 8 to
  // 16 images 1.7 for a network of small planes, in inference 1.6; but with
  // planes of 16x16 0.95, in inference 0.8.
  constexpr int64_t kLeastImages = 8, kLeastChannels = 8;
  constexpr int64_t kMany = 32, kMostPixelsOfFew = 8 * 8;
  constexpr int64_t kMostTaps = 9, kMostWeights = 256 * 256;
  constexpr int64_t kMostPixels = 17 * 17, kSmall = 4 * 4;
  const int64_t channels = std::min(shape.channels, shape.outputs);
  const auto &in = shape.in, &kernel = shape.kernel;
  if (!has_avx2()) return kNoAvx2;
  // With AMX, oneDNN multiplies bfloat16 sixteen times as fast; without its
  // instructions, LibTorch takes it in float.
  if (type == at::kBFloat16) {
    if (has_amx()) return declined("with AMX, oneDNN is faster in bfloat16");
    if (!has_avx512_bf16()) {
      return declined(
          "no instructions for bfloat16, which LibTorch takes in "
          "float");
    }
    if (shape.channels % 2 != 0 || shape.outputs % 2 != 0) {
      return declined("an odd number of channels, of bfloat16 in pairs");
    }
  } else if (type != at::kFloat && type != at::kDouble) {
    return declined("of another type");
  }
  if (shape.images < kLeastImages) {
    return declined("fewer than # images: #", kLeastImages, shape.images);
  }
  if (channels < kLeastChannels) {
    return declined("fewer than # channels: #", kLeastChannels, channels);
  }
  if (shape.channels * shape.outputs > kMostWeights) {
    return declined("a weight of #x# channels, more than stays in L2",
                    shape.channels, shape.outputs);
  }
  if (kernel.height * kernel.width > kMostTaps) {
    return declined("more than # pixels in a kernel: #x#", kMostTaps,
                    kernel.height, kernel.width);
  }
  const int64_t most = shape.stride == 1      ? kSmall
                       : shape.images < kMany ? kMostPixelsOfFew
                                              : kMostPixels;
  if (in.height * in.width > most) {
    return declined("more than # pixels a plane, at stride #: #x#", most,
                    shape.stride, in.height, in.width);
  }
  return taken("# images of #x# pixels and # channels: a product of its own",
               shape.images, in.height, in.width, shape.channels);
}

Verdict suits_groups(const GroupedShape& shape, at::ScalarType type) {
  // Measured on a Zen 3 beside oneDNN (LibTorch 2.13), two threads, in GFLOP/s
  // of the forward pass: with groups of 4 channels 101 to 22, of 8 119 to 103,
  // of 16 141 to 134, of 32 151 to 123; gradients likewise. Of wider groups
  // oneDNN's blocks of channels are as full. With AVX-512, whose vectors these
  // loops leave half empty, it was not measured.
  constexpr int64_t kMostChannels = 32;
  if (!has_avx2()) return kNoAvx2;
  if (has_avx512()) return declined("with AVX-512 it was not measured");
  if (type != at::kFloat) return declined("of another type than float32");
  if (shape.group > kMostChannels) {
    return declined("more than # channels a group: #", kMostChannels,
                    shape.group);
  }
  return taken("at most # channels a group, too few for oneDNN's blocks: #",
               kMostChannels, shape.group);
}

Verdict suits_joined_groups(const GroupsWork& work) {
  // Multiplied are zeros, too. Measured with AVX-512 by two threads, one image:
  // a whole network of 4 to 16 channels a group and 1 to 5 million joined
  // products a layer 1.4, in bfloat16 1.6; layers of 7 to 58 million, of 4, 8,
  // 16 and 32 channels, 1.0, 1.1, 1.2 and 1.3, in bfloat16 1.0, 0.9, 1.1 and
  // 1.5. Batches 0.95 to 1.0.
  constexpr int64_t kMostChannels = 32, kVector = 16, kTaps = 9;
  constexpr int64_t kMostJoined = 64 << 20;
  if (!has_avx512()) return declined("without AVX-512 it was not measured");
  if (work.in > kMostChannels) {
    return declined("more than # channels a group: #", kMostChannels, work.in);
  }
  const int64_t part = std::max(work.in, kVector);
  const bool fills = work.in == work.out && part % work.in == 0 &&
                     part % kVector == 0 && work.groups * work.in % part == 0;
  if (!fills) {
    return declined("# groups of # channels, # out, fill no vectors of #",
                    work.groups, work.in, work.out, kVector);
  }
  const int64_t products = work.pixels * kTaps * work.groups * work.in * part;
  if (products > kMostJoined) {
    return declined("more than # multiplications with joined groups: #",
                    kMostJoined, products);
  }
  return taken("groups of # channels, joined to fill a vector with: #", work.in,
               part);
}

Verdict suits_im2col(const PixelProduct& product) {
  // At one image: beyond these the pixels of a kernel cost more to copy, a 1x1
  // kernel's less, or a weight is little enough to be read by every thread, or
  // what oneDNN costs to call is worth its better use of the processor.
  // Measured, 3x3: with 256 channels 4 pixels 1.6, 16 pixels 1.0, 64 pixels
  // 0.9; with 64 channels 16 pixels 3.4; of 7 channels 256 pixels 2.4, 1024
  // pixels 1.2. 1x1 with a stride, of 64 channels: 256 pixels 2.2, 1024 pixels
  // 1.2. Products at 16 pixels: 4 million 1.4, 21 million 0.9 (3x3); with
  // AVX-512, by two threads, within networks, 38 million 1.05, bfloat16 1.07.
  //
  // What is read in place is not copied. Measured by two threads, within
  // networks: 64 pixels of 1024 channels, 196 pixels and 3136 pixels of 256
  // channels, which are 17 to 51 million products, 1.0 to 1.1; 411 million
  // (eight images) 0.95. A linear layer of 512 channels to 1000: 8 images 1.0,
  // 32 images 2.0. With AVX-512 whole networks of bottlenecks 1.08 on images of
  // 32x32 and 1.0 of 224x224, in bfloat16 1.1 and 1.03: a call of oneDNN costs
  // 17 us there. Where there is no AVX2 that was not measured.
  constexpr int64_t kMostInPlace = 128 << 20;
  const int64_t kMostProducts = has_avx512() ? 40 << 20 : 8 << 20;
  constexpr int64_t kMostPixels = 16, kMostOfFewChannels = 256,
                    kMostOf1x1 = 1024, kMostPixelsInPlace = 4096;
  constexpr int64_t kFewChannels = 64;  // Times those of a kernel.
  const auto& [pixels, taps, depth, outputs, in_place] = product;
  const bool is_free = in_place && has_avx2();
  const int64_t most = is_free                 ? kMostPixelsInPlace
                       : taps == 1             ? kMostOf1x1
                       : depth <= kFewChannels ? kMostOfFewChannels
                                               : kMostPixels;
  if (pixels > most) return declined("more than # pixels: #", most, pixels);
  const int64_t most_products = is_free ? kMostInPlace : kMostProducts;
  if (pixels * depth * outputs > most_products) {
    return declined("more than # multiplications: #", most_products,
                    pixels * depth * outputs);
  }
  if (is_free) {
    return taken("at most # pixels, which are read in place: #", most, pixels);
  }
  return taken("at most # pixels, so most time goes to the weight: #", most,
               pixels);
}

Verdict suits_panels(const PanelWork& work) {
  // A call of oneDNN costs some 17 us more, and its loops are as good: measured
  // with AVX-512 by two threads, within networks of convolutions of 9 to 38
  // million products, in bfloat16 1.1 to 1.25, in float32 1.0 to 1.03; of 115
  // million 0.9. SmallConvolution, in whose place it may be: of 9 million with
  // 128 channels 1.04. A register tile has eight rows, which rows of fewer
  // pixels leave half empty.
  constexpr int64_t kLeastProducts = 8 << 20, kMostProducts = 40 << 20;
  constexpr int64_t kLeastWidth = 7;
  const int64_t products = work.pixels * work.taps * work.in * work.out;
  if (!has_avx512()) return declined("without AVX-512 it was not measured");
  if (work.taps == 1) return declined("a kernel of 1x1");
  if (work.width < kLeastWidth) {
    return declined("rows of less than # pixels: #", kLeastWidth, work.width);
  }
  if (products > kMostProducts) {
    return declined("more than # multiplications: #", kMostProducts, products);
  }
  if (products <= kLeastProducts) {
    return declined("at most # multiplications: #", kLeastProducts, products);
  }
  return taken("# to # multiplications, of a weight that threads share out: #",
               kLeastProducts, kMostProducts, products);
}

Verdict suits_small_convolution(int64_t products) {
  // Where oneDNN's better use of the processor is worth what it costs to call,
  // some 30 us. Measured at one image of 16 and 32 channels: half a million
  // products 2.8, 5 million 1.2, 9 million 1.1, 38 million 1.0; of 64 channels
  // 9 million 1.0. With 8 channels 1 million is 0.9: those fill half a tile.
  constexpr int64_t kMostProducts = 8 << 20;
  if (products > kMostProducts) {
    return declined("more than # multiplications: #", kMostProducts, products);
  }
  return taken("at most # multiplications, less than a call of oneDNN: #",
               kMostProducts, products);
}

}  // namespace skipzoo
