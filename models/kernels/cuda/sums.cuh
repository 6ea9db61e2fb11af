#pragma once

#include "models/kernels/cuda/elements.cuh"

// Sums over pixels, the same each time: threads of a block add up among
// themselves, the block leaves its own in memory, and another kernel adds those
// up in a fixed order, in double.

namespace skipzoo::cuda {

/// Of some numbers, how many they are, their mean and squared deviations.
template <typename A>
struct Moments {
  A count, mean, squares;
};

/// How two groups become one (Chan, Golub & LeVeque 1983): the share of the
/// second, and what the square of the distance between their means counts.
template <typename A>
struct Weights {
  A share, spread;
};
template <typename A>
__device__ inline Weights<A> weights(A count, A other) {
  const A share = other > 0 ? other / (count + other) : 0;
  return {share, share * count};
}
template <typename A>
__device__ inline void merge(const Weights<A>& by, A other_mean,
                             A other_squares, A& mean, A& squares) {
  const A distance = other_mean - mean;
  mean += by.share * distance;
  squares += other_squares + by.spread * distance * distance;
}
template <typename A>
__device__ inline void merge(Moments<A>& own, const Moments<A>& other) {
  merge(weights(own.count, other.count), other.mean, other.squares, own.mean,
        own.squares);
  own.count += other.count;
}

/// Where a thread of a block that sums begins and how far its packs are apart:
/// across are the packs of a period, down its repetitions.
struct Walk {
  long long at, step;
  bool inside;
};
__device__ inline Walk walk(const PackLayout& layout) {
  const int pack = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  const long long row = blockIdx.y * blockDim.y + threadIdx.y;
  const long long rows = static_cast<long long>(gridDim.y) * blockDim.y;
  return {row * layout.period + pack, rows * layout.period,
          pack < layout.period};
}

__device__ inline int thread_of_block() {
  return static_cast<int>(threadIdx.y * blockDim.x + threadIdx.x);
}

/// Calls f(column, element of the pack, lane) for each lane of the block.
template <int kThreads, typename F>
__device__ inline void each_lane(const PackLayout& layout, const F& f) {
  const int across = static_cast<int>(blockDim.x);
  for (int i = thread_of_block(); i < across * kPack; i += kThreads) {
    const int column = i % across, j = i / across;
    const int lane =
        (static_cast<int>(blockIdx.x) * across + column) * kPack + j;
    if (lane < lanes_of(layout)) f(column, j, lane);
  }
}

/// What a block leaves: a slot of so many parts, each of all lanes.
template <typename A>
__device__ inline A* slot_of(A* partial, const PackLayout& layout, int parts,
                             unsigned slot) {
  return partial + static_cast<long long>(slot) * parts * lanes_of(layout);
}
/// Calls f(slot, element, lane), of each lane of the tail's slot, the last:
/// element: which of the tensor's it is, negative for none.
template <int kThreads, typename A, typename F>
__device__ inline void each_lane_of_tail(A* partial, const PackLayout& layout,
                                         int parts, const F& f) {
  if (layout.tail == 0 || blockIdx.y > 0) return;
  A* slot = slot_of(partial, layout, parts, gridDim.y);
  each_lane<kThreads>(layout, [&](int, int j, int lane) {
    const bool is =
        j < layout.tail && lane / kPack == layout.packs % layout.period;
    f(slot, is ? layout.packs * kPack + j : -1, lane);
  });
}

/// Leaves the moments of a block's lanes, of those of its threads.
template <typename A>
__device__ inline void leave_moments(A count, A (&mean)[kPack],
                                     A (&squares)[kPack],
                                     const PackLayout& layout, A* partial) {
  constexpr int kThreads = sum_threads(sizeof(A)), kWarps = kThreads / kWarp;
  // Threads of a warp that have the same lanes are blockDim.x apart.
  for (int apart = static_cast<int>(blockDim.x); apart < kWarp; apart *= 2) {
    const A other = __shfl_down_sync(0xffffffffu, count, apart);
    const auto by = weights(count, other);
    for (int j = 0; j < kPack; ++j) {
      const A other_mean = __shfl_down_sync(0xffffffffu, mean[j], apart);
      const A other_squares = __shfl_down_sync(0xffffffffu, squares[j], apart);
      merge(by, other_mean, other_squares, mean[j], squares[j]);
    }
    count += other;
  }
  __shared__ A counts[kWarps][kMostAcross];
  __shared__ A means[kWarps][kPack][kMostAcross];
  __shared__ A deviations[kWarps][kPack][kMostAcross];
  const int warp = thread_of_block() / kWarp;
  if (thread_of_block() % kWarp < static_cast<int>(blockDim.x)) {
    counts[warp][threadIdx.x] = count;
    for (int j = 0; j < kPack; ++j) {
      means[warp][j][threadIdx.x] = mean[j];
      deviations[warp][j][threadIdx.x] = squares[j];
    }
  }
  __syncthreads();
  const int lanes = lanes_of(layout);
  A* slot = slot_of(partial, layout, kMomentsParts, blockIdx.y);
  each_lane<kThreads>(layout, [&](int column, int j, int lane) {
    Moments<A> all{counts[0][column], means[0][j][column],
                   deviations[0][j][column]};
    for (int w = 1; w < kWarps; ++w) {
      merge(all,
            {counts[w][column], means[w][j][column], deviations[w][j][column]});
    }
    slot[kCountPart * lanes + lane] = all.count;
    slot[kMeanPart * lanes + lane] = all.mean;
    slot[kSquaresPart * lanes + lane] = all.squares;
  });
}

/// Leaves two sums of a block's lanes, of those of its threads.
template <int kThreads, typename A>
__device__ inline void leave_sums(A (&sum)[kPack], A (&product)[kPack],
                                  const PackLayout& layout, A* partial) {
  constexpr int kWarps = kThreads / kWarp;
  for (int apart = static_cast<int>(blockDim.x); apart < kWarp; apart *= 2) {
    for (int j = 0; j < kPack; ++j) {
      sum[j] += __shfl_down_sync(0xffffffffu, sum[j], apart);
      product[j] += __shfl_down_sync(0xffffffffu, product[j], apart);
    }
  }
  __shared__ A sums[kWarps][kPack][kMostAcross];
  __shared__ A products[kWarps][kPack][kMostAcross];
  const int warp = thread_of_block() / kWarp;
  if (thread_of_block() % kWarp < static_cast<int>(blockDim.x)) {
    for (int j = 0; j < kPack; ++j) {
      sums[warp][j][threadIdx.x] = sum[j];
      products[warp][j][threadIdx.x] = product[j];
    }
  }
  __syncthreads();
  A* slot = slot_of(partial, layout, kGradientParts, blockIdx.y);
  each_lane<kThreads>(layout, [&](int column, int j, int lane) {
    A all_sum = 0, all_product = 0;
    for (int w = 0; w < kWarps; ++w) {
      all_sum += sums[w][j][column];
      all_product += products[w][j][column];
    }
    slot[kSumPart * lanes_of(layout) + lane] = all_sum;
    slot[kProductPart * lanes_of(layout) + lane] = all_product;
  });
}

/// Which channel a thread of a block of kTotalChannels x kTotalOthers adds up.
__device__ inline int total_channel() {
  return static_cast<int>(blockIdx.x * kTotalChannels + threadIdx.x);
}

/// Calls f(its numbers in a slot) for each slot and lane of the channel that a
/// thread is to add up; a number of the next part is lanes_of() further.
template <typename A, typename F>
__device__ inline void each_left(const A* partial, int slots, int parts,
                                 const PackLayout& layout, const F& f) {
  const int channel = total_channel();
  if (channel >= layout.channels) return;
  // A channel has several lanes where C is no multiple of a pack.
  const int copies = lanes_of(layout) / layout.channels;
  for (int i = static_cast<int>(threadIdx.y); i < slots * copies;
       i += kTotalOthers) {
    f(partial + static_cast<long long>(i / copies) * parts * lanes_of(layout) +
      i % copies * layout.channels + channel);
  }
}

/// The moments of a channel, to the first thread of each.
/// partial: (slots, kMomentsParts, lanes), means from the first pixel of x on.
template <typename T>
__device__ inline Moments<double> total_moments(const Acc<T>* partial,
                                                int slots, const T* x,
                                                const PackLayout& layout) {
  __shared__ Moments<double> all[kTotalOthers][kTotalChannels];
  auto& own = all[threadIdx.y][threadIdx.x];
  own = {0, 0, 0};
  each_left(partial, slots, kMomentsParts, layout, [&](const Acc<T>* left) {
    const int lanes = lanes_of(layout);
    merge(own, {static_cast<double>(left[kCountPart * lanes]),
                static_cast<double>(left[kMeanPart * lanes]),
                static_cast<double>(left[kSquaresPart * lanes])});
  });
  for (unsigned half = kTotalOthers / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      merge(own, all[threadIdx.y + half][threadIdx.x]);
    }
  }
  auto moments = own;
  if (total_channel() < layout.channels) {
    moments.mean += widened(x[total_channel()]);
  }
  return moments;
}

/// The two sums of a channel, to the first thread of each.
/// partial: (slots, kGradientParts, lanes).
struct Sums {
  double sum, product;
};
template <typename A>
__device__ inline Sums total_sums(const A* partial, int slots,
                                  const PackLayout& layout) {
  __shared__ Sums all[kTotalOthers][kTotalChannels];
  auto& own = all[threadIdx.y][threadIdx.x];
  own = {0, 0};
  each_left(partial, slots, kGradientParts, layout, [&](const A* left) {
    own.sum += left[kSumPart * lanes_of(layout)];
    own.product += left[kProductPart * lanes_of(layout)];
  });
  for (unsigned half = kTotalOthers / 2; half > 0; half /= 2) {
    __syncthreads();
    if (threadIdx.y < half) {
      const auto& other = all[threadIdx.y + half][threadIdx.x];
      own.sum += other.sum;
      own.product += other.product;
    }
  }
  return own;
}

}  // namespace skipzoo::cuda
