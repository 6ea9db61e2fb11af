#pragma once

// What a launch and its kernel both know. Read by g++ and by NVRTC, which has
// no header of its own: no include, and nothing of either.

// A loop whose arrays are to stay in registers: of one that is not unrolled
// they lie in memory.
#ifdef __CUDA_ARCH__
#define SKIPZOO_UNROLL _Pragma("unroll")
#else
#define SKIPZOO_UNROLL
#endif

namespace skipzoo::cuda {

/// Elements that a thread takes at a time: 16 bytes of a 16-bit type, 32 of
/// float32. Of a mask, a byte.
constexpr int kPack = 8;

/// A channels-last tensor as its elements lie in memory, one pack after the
/// other. Whatever the number of channels: after some packs, the period, an
/// element is of the same channel again. So with C = 36, nine packs, two rows.
struct PackLayout {
  long long packs;  ///< Whole ones.
  int tail;         ///< Elements behind them, fewer than a pack.
  int channels;
  int period;  ///< Packs after which the channels repeat: lcm(C, 8) / 8.
};

/// A lane is a place within a period: what is summed apart by a block.
constexpr int lanes_of(const PackLayout& layout) {
  return layout.period * kPack;
}

/// Images and the maxima of their windows, of 3x3 pixels with stride 2 and a
/// border of one; of whole packs of channels.
struct PoolShape {
  PackLayout from, to;
  int height, width;          ///< Of the images.
  int out_height, out_width;  ///< Of the maxima: half of it, rounded up.
};
constexpr int kPoolSide = 3;
/// Of a maximum: behind those of 3x3 pixels, which are counted row by row.
constexpr int kNoTap = kPoolSide * kPoolSide;

/// Some channels of wider rows of pixels: of a dense block's one buffer.
struct Columns {
  int first;   ///< The first of them.
  int stride;  ///< Channels of a row.
};

/// Threads of a block that sums, by the size of what it sums in. Its shared
/// memory, a slot for each warp and lane, stays below 48 KiB.
constexpr int sum_threads(int size_of_sum) {
  return size_of_sum == 4 ? 512 : 128;
}
/// Of them on a multiprocessor, as registers are to allow.
constexpr int kSumBlocks = 2;
/// The same of those that also add to a dense block's gradient: more numbers a
/// thread.
constexpr int dense_threads(int size_of_sum) {
  return size_of_sum == 4 ? 256 : 128;
}
constexpr int kDenseBlocks = 3;
constexpr int kWarp = 32;
/// Most packs side by side in a block that sums.
constexpr int kMostAcross = 32;

/// Threads of a block that takes element by element.
constexpr int kMapThreads = 256;
/// Of them on a multiprocessor, as registers are to allow.
constexpr int kMapBlocks = 3;

/// A block that adds up what blocks have left: channels by others. Of the 264
/// that an H200 has at most, each of the others reads four: it is waiting that
/// takes the time.
constexpr int kTotalChannels = 8, kTotalOthers = 64;

/// Rows of per-channel numbers, each (C), of the accumulation type.
enum NormNumber { kMean, kInverse, kScale, kBias, kNormNumbers };
/// dx = scale * g + slope * (x - mean) + constant.
enum GradientNumber { kSlope, kConstant, kGradientNumbers };

/// Rows of what a block leaves, each as long as there are lanes.
enum MomentsPart { kCountPart, kMeanPart, kSquaresPart, kMomentsParts };
enum GradientPart { kSumPart, kProductPart, kGradientParts };

/// What a BatchNorm in training is given besides its input: (C) each, of the
/// accumulation type; void to whom it does not matter.
template <typename A>
struct NormState {
  const A* weight;
  const A* bias;
  A* running_mean;
  A* running_variance;
  long long* batches;  ///< num_batches_tracked; may be null.
  double eps, momentum;
};

}  // namespace skipzoo::cuda
