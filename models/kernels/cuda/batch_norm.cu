// BatchNorm (Ioffe & Szegedy 2015, arXiv:1502.03167) with what follows it, of
// channels-last tensors: y = relu(norm(x) + residual).
//
// Bound by memory: x is read once for its moments and once to be normalised,
// and y is written with a bit for each element that says where the ReLU let
// through. The second pass goes backwards through memory: what the first has
// read last is still in L2.

#include "models/kernels/cuda/norm.cuh"

namespace skipzoo::cuda {

/// Count, mean and squared deviations of each lane, a slot for each block.
/// Of a thread they are shifted by its first pack: E[x²] - E[x]² would lose the
/// digits of a variance that is small beside its mean. Means are written down
/// as their distance from the first pixel, in which they have more digits.
///
/// partial: (gridDim.y, kMomentsParts, lanes), and one slot more for a tail.
template <typename T>
__global__ void __launch_bounds__(sum_threads(sizeof(Acc<T>)), kSumBlocks)
    batch_norm_moments(const T* x, PackLayout layout, Acc<T>* partial) {
  using A = Acc<T>;
  constexpr int kUnroll = sizeof(T) == 2 ? 4 : 2;
  const Walk way = walk(layout);
  A mean[kPack] = {}, squares[kPack] = {};
  A count = 0;
  long long at = way.at;
  if (way.inside && at < layout.packs) {
    A shift[kPack], pixel[kPack], sum[kPack] = {};
    widen(load(x, at), shift);
    int seen = 0;
    const auto add = [&](const Pack<T>& pack) {
      A numbers[kPack];
      widen(pack, numbers);
      for (int j = 0; j < kPack; ++j) {
        const A d = numbers[j] - shift[j];
        sum[j] += d;
        squares[j] += d * d;
      }
      ++seen;
    };
    for (; at + (kUnroll - 1) * way.step < layout.packs;
         at += kUnroll * way.step) {
      Pack<T> packs[kUnroll];
      for (int u = 0; u < kUnroll; ++u) packs[u] = load(x, at + u * way.step);
      for (int u = 0; u < kUnroll; ++u) add(packs[u]);
    }
    for (; at < layout.packs; at += way.step) add(load(x, at));
    count = static_cast<A>(seen);
    of_channels(x, layout, way.at, pixel);
    for (int j = 0; j < kPack; ++j) {
      const A shifted = sum[j] / count;
      mean[j] = shift[j] - pixel[j] + shifted;
      squares[j] -= sum[j] * shifted;
      if (squares[j] < 0) squares[j] = 0;  // A NaN stays one.
    }
  }
  leave_moments(count, mean, squares, layout, partial);
  each_lane_of_tail<sum_threads(sizeof(A))>(
      partial, layout, kMomentsParts,
      [&](A* slot, long long element, int lane) {
        const int lanes = lanes_of(layout);
        const bool is = element >= 0;
        slot[kCountPart * lanes + lane] = is ? 1 : 0;
        slot[kMeanPart * lanes + lane] =
            is ? widened(x[element]) - widened(x[lane % layout.channels])
               : A(0);
        slot[kSquaresPart * lanes + lane] = 0;
      });
}

/// Adds up what blocks have left, by kTotalChannels x kTotalOthers threads:
/// numbers: (kNormNumbers, C).
///
/// partial: (slots, kMomentsParts, lanes), of x.
template <typename T>
__global__ void __launch_bounds__(kTotalChannels* kTotalOthers)
    batch_norm_numbers(const Acc<T>* partial, int slots, const T* x,
                       PackLayout layout, NormState<Acc<T>> norm,
                       Acc<T>* numbers) {
  const auto moments = total_moments(partial, slots, x, layout);
  const int channel = total_channel();
  if (threadIdx.y > 0 || channel >= layout.channels) return;
  finish_norm(moments, channel, layout.channels, norm, numbers);
}

/// y = relu(scale * (x - mean) + bias + residual). residual is read and the
/// ReLU taken where the template says so; mask: a bit for each element that is
/// let through, may be null. A NaN is let through, as by torch::relu.
///
/// numbers: (kNormNumbers, C). By kMapThreads threads a block, and so many
/// blocks that all threads together take a multiple of a period: what a thread
/// takes is of the same channels each time.
template <typename T, bool kRelu, bool kResidual>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    batch_norm_apply(const T* x, const T* residual, const Acc<T>* numbers,
                     PackLayout layout, T* y, unsigned char* mask) {
  using A = Acc<T>;
  constexpr int kUnroll = sizeof(T) == 2 && !kResidual ? 4 : 2;
  const int channels = layout.channels;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  const long long thread =
      static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  const auto normalised = [&](A number, A added, A mean, A scale, A bias,
                              unsigned& bits, int j) {
    A v = (number - mean) * scale + bias + added;
    if (kRelu) {
      if (v <= 0)
        v = 0;
      else
        bits |= 1u << j;
    }
    return v;
  };
  if (thread < layout.packs) {
    long long at = layout.packs - 1 - thread;
    A mean[kPack], scale[kPack], bias[kPack];
    of_channels(numbers + kMean * channels, layout, at, mean);
    of_channels(numbers + kScale * channels, layout, at, scale);
    of_channels(numbers + kBias * channels, layout, at, bias);
    const auto put_pack = [&](long long pack, const Pack<T>& from,
                              const Pack<T>& also) {
      A v[kPack], r[kPack] = {};
      widen(from, v);
      if (kResidual) widen(also, r);
      unsigned bits = 0;
      for (int j = 0; j < kPack; ++j) {
        v[j] = normalised(v[j], r[j], mean[j], scale[j], bias[j], bits, j);
      }
      store(y, pack, v);
      if (kRelu && mask != nullptr) {
        mask[pack] = static_cast<unsigned char>(bits);
      }
    };
    for (; at - (kUnroll - 1) * step >= 0; at -= kUnroll * step) {
      Pack<T> from[kUnroll], also[kUnroll];
      for (int u = 0; u < kUnroll; ++u) {
        from[u] = load(x, at - u * step);
        if (kResidual) also[u] = load(residual, at - u * step);
      }
      for (int u = 0; u < kUnroll; ++u) {
        put_pack(at - u * step, from[u], also[u]);
      }
    }
    for (; at >= 0; at -= step) {
      put_pack(at, load(x, at), kResidual ? load(residual, at) : Pack<T>{});
    }
  }
  if (layout.tail > 0 && thread == 0) {
    unsigned bits = 0;
    for (int j = 0; j < layout.tail; ++j) {
      const long long at = layout.packs * kPack + j;
      const int c = static_cast<int>(at % channels);
      const A added = kResidual ? widened(residual[at]) : A(0);
      put(y + at,
          normalised(widened(x[at]), added, numbers[kMean * channels + c],
                     numbers[kScale * channels + c],
                     numbers[kBias * channels + c], bits, j));
    }
    if (kRelu && mask != nullptr) {
      mask[layout.packs] = static_cast<unsigned char>(bits);
    }
  }
}

}  // namespace skipzoo::cuda
