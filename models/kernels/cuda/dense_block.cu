// A dense block that normalises once over one buffer (Huang et al. 2017,
// arXiv:1608.06993): a layer reads relu(norm(x)) of the channels before it, and
// the moments of a channel are computed once, when it is made. Its own gradient
// is added to one of the buffer, and what goes through a channel's moments is
// gathered and applied once, behind its last reader.
//
// Activations are made anew in the backward pass, each a pass that reads and
// writes as much as a copy: memory is linear in depth.

#include "models/kernels/cuda/norm.cuh"

namespace skipzoo::cuda {

/// Half a pack: of channels that are a multiple of four, one lies in one row.
template <typename T>
struct alignas(sizeof(T) == 2 ? 8 : 16) HalfPack {
  unsigned words[sizeof(T)];
};

/// Where a pack of some channels stands in wider rows, and how much further one
/// that many packs on, a multiple of a period.
struct Places {
  long long half[2];
  long long step;
};
__device__ inline Places places(const PackLayout& layout,
                                const Columns& columns, long long pack,
                                long long step) {
  const auto at = [&](long long element) {
    return element / layout.channels * columns.stride + columns.first +
           element % layout.channels;
  };
  return {{at(pack * kPack), at(pack * kPack + kPack / 2)},
          step * kPack / layout.channels * columns.stride};
}
__device__ inline void move_on(Places& places) {
  places.half[0] += places.step;
  places.half[1] += places.step;
}

/// kWhole: packs lie in one row, all of them where one can be loaded.
template <bool kWhole, typename T>
__device__ inline Pack<T> load(const T* wide, const Places& from) {
  if (kWhole) return *reinterpret_cast<const Pack<T>*>(wide + from.half[0]);
  Pack<T> pack;
  auto* halves = reinterpret_cast<HalfPack<T>*>(&pack);
  for (int h = 0; h < 2; ++h) {
    halves[h] = *reinterpret_cast<const HalfPack<T>*>(wide + from.half[h]);
  }
  return pack;
}
template <bool kWhole, typename T>
__device__ inline void store(T* wide, const Places& to,
                             const Acc<T> (&numbers)[kPack]) {
  Pack<T> pack;
  narrow(numbers, pack);
  if (kWhole) {
    *reinterpret_cast<Pack<T>*>(wide + to.half[0]) = pack;
    return;
  }
  const auto* halves = reinterpret_cast<const HalfPack<T>*>(&pack);
  for (int h = 0; h < 2; ++h) {
    *reinterpret_cast<HalfPack<T>*>(wide + to.half[h]) = halves[h];
  }
}

/// Mean and variance of each channel, of what blocks of batch_norm_moments()
/// have left of x; by kTotalChannels x kTotalOthers threads.
template <typename T>
__global__ void __launch_bounds__(kTotalChannels* kTotalOthers)
    dense_moments(const Acc<T>* partial, int slots, const T* x,
                  PackLayout layout, Acc<T>* mean, Acc<T>* variance) {
  using A = Acc<T>;
  const auto moments = total_moments(partial, slots, x, layout);
  const int channel = total_channel();
  if (threadIdx.y > 0 || channel >= layout.channels) return;
  mean[channel] = static_cast<A>(moments.mean);
  variance[channel] = static_cast<A>(moments.squares / moments.count);
}

/// The numbers by which a layer's norm reads channels of known moments:
/// (kNormNumbers, channels). Moves its running ones.
template <typename A>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    dense_numbers(const A* mean, const A* variance, long long pixels,
                  int channels, NormState<A> norm, A* numbers) {
  const int channel = static_cast<int>(blockIdx.x * blockDim.x + threadIdx.x);
  if (channel >= channels) return;
  const auto count = static_cast<double>(pixels);
  finish_norm<A>({count, mean[channel], variance[channel] * count}, channel,
                 channels, norm, numbers);
}

/// y = relu(scale * (x - mean) + bias) of some channels of wider rows.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    dense_activate(const T* wide, Columns columns, const Acc<T>* numbers,
                   PackLayout layout, T* y) {
  using A = Acc<T>;
  constexpr int kUnroll = sizeof(T) == 2 ? 4 : 2;
  const int channels = layout.channels;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  long long at = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= layout.packs) return;
  auto from = places(layout, columns, at, step);
  A mean[kPack], scale[kPack], bias[kPack];
  of_channels(numbers + kMean * channels, layout, at, mean);
  of_channels(numbers + kScale * channels, layout, at, scale);
  of_channels(numbers + kBias * channels, layout, at, bias);
  const auto put_pack = [&](long long pack, const Pack<T>& numbers_of) {
    A v[kPack];
    widen(numbers_of, v);
    for (int j = 0; j < kPack; ++j) {
      v[j] = (v[j] - mean[j]) * scale[j] + bias[j];
      if (v[j] <= 0) v[j] = 0;  // A NaN stays one.
    }
    store(y, pack, v);
  };
  for (; at + (kUnroll - 1) * step < layout.packs; at += kUnroll * step) {
    Pack<T> packs[kUnroll];
    for (int u = 0; u < kUnroll; ++u) {
      packs[u] = load<kWhole>(wide, from);
      move_on(from);
    }
    for (int u = 0; u < kUnroll; ++u) put_pack(at + u * step, packs[u]);
  }
  for (; at < layout.packs; at += step) {
    put_pack(at, load<kWhole>(wide, from));
    move_on(from);
  }
}

/// Adds scale * g to the gradient of the buffer, and leaves the sums of
/// batch_norm_gradient_sums(): g = da where dense_activate() let through.
///
/// partial: (gridDim.y, kGradientParts, lanes).
template <typename T, bool kWhole>
__global__ void __launch_bounds__(dense_threads(sizeof(Acc<T>)), kDenseBlocks)
    dense_gradient(const T* da, const T* wide, Columns columns,
                   const Acc<T>* numbers, PackLayout layout, T* total,
                   Acc<T>* partial) {
  using A = Acc<T>;
  const int channels = layout.channels;
  const Walk way = walk(layout);
  A sum[kPack] = {}, product[kPack] = {};
  if (way.inside && way.at < layout.packs) {
    auto place = places(layout, columns, way.at, way.step);
    A mean[kPack], scale[kPack], bias[kPack];
    of_channels(numbers + kMean * channels, layout, way.at, mean);
    of_channels(numbers + kScale * channels, layout, way.at, scale);
    of_channels(numbers + kBias * channels, layout, way.at, bias);
    for (long long at = way.at; at < layout.packs; at += way.step) {
      const auto gradient = load(da, at);
      const auto input = load<kWhole>(wide, place);
      const auto before = load<kWhole>(total, place);
      A g[kPack], v[kPack], t[kPack];
      widen(gradient, g);
      widen(input, v);
      widen(before, t);
      for (int j = 0; j < kPack; ++j) {
        const A distance = v[j] - mean[j];
        if (distance * scale[j] + bias[j] <= 0) g[j] = 0;
        sum[j] += g[j];
        product[j] += g[j] * distance;
        t[j] += scale[j] * g[j];
      }
      store<kWhole>(total, place, t);
      move_on(place);
    }
  }
  leave_sums<dense_threads(sizeof(A))>(sum, product, layout, partial);
}

/// dx = total + slope * (x - mean) + constant of some channels of wider rows.
/// mean, slope, constant: of these channels.
template <typename T, bool kWhole>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    dense_finish(const T* total, const T* wide, Columns columns,
                 const Acc<T>* mean, const Acc<T>* slope,
                 const Acc<T>* constant, PackLayout layout, T* dx) {
  using A = Acc<T>;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  long long at = static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (at >= layout.packs) return;
  auto from = places(layout, columns, at, step);
  A m[kPack], s[kPack], c[kPack];
  const int first = static_cast<int>(at * kPack % layout.channels);
  for (int j = 0; j < kPack; ++j) {
    const int channel = (first + j) % layout.channels;
    m[j] = mean[channel];
    s[j] = slope[channel];
    c[j] = constant[channel];
  }
  for (; at < layout.packs; at += step) {
    const auto gradient = load<kWhole>(total, from);
    const auto input = load<kWhole>(wide, from);
    A g[kPack], v[kPack];
    widen(gradient, g);
    widen(input, v);
    for (int j = 0; j < kPack; ++j) g[j] += s[j] * (v[j] - m[j]) + c[j];
    store(dx, at, g);
    move_on(from);
  }
}

}  // namespace skipzoo::cuda
