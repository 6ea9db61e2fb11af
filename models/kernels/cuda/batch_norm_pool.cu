// BatchNorm, ReLU and max pooling over 3x3 pixels with stride 2, as ResNets and
// DenseNets begin: y = max_pool2d(relu(norm(x)), 3, 2, 1), of channels-last
// tensors of whole packs of channels. What stands between is written by none.
//
// Of each maximum a byte says which pixel it came from, its tap; where the ReLU
// let none through it is kNoTap. Backward an input pixel asks the windows that
// it is in, four at most, in a fixed order: nothing is added up by atomics.

#include "models/kernels/cuda/sums.cuh"

namespace skipzoo::cuda {

/// Where a pack stands: its pixel, and how many packs of it come before.
struct PackPlace {
  unsigned image;
  int row, column, pack;
};
__device__ inline PackPlace place_of(long long at, int packs, int height,
                                     int width) {
  // Packs are few enough for 32 bits, in which a division takes a fraction of
  // the time.
  const unsigned pixel = static_cast<unsigned>(at) / packs;
  const unsigned row = pixel / width;
  return {row / height, static_cast<int>(row % height),
          static_cast<int>(pixel % width),
          static_cast<int>(static_cast<unsigned>(at) % packs)};
}
__device__ inline unsigned pack_at(const PackPlace& place, int row, int column,
                                   int packs, int height, int width) {
  return ((place.image * height + row) * width + column) * packs + place.pack;
}
/// Of a window's rows or columns, the nearest that the image has.
__device__ inline int within(int at, int size) {
  return at < 0 ? 0 : at < size ? at : size - 1;
}

/// The taps of a pack, a byte each.
__device__ inline unsigned long long taps_of(const unsigned char* taps,
                                             long long at) {
  return reinterpret_cast<const unsigned long long*>(taps)[at];
}
__device__ inline int tap_of(unsigned long long taps, int j) {
  return static_cast<int>(taps >> 8 * j & 0xff);
}

/// A row of a window at once, without a branch between: of a pixel beside the
/// image its neighbour, which is to be left out.
template <typename T>
__device__ inline void load_row(const T* x, const PackPlace& place, int row,
                                int packs, const PoolShape& shape,
                                Pack<T> (&pixels)[kPoolSide]) {
  SKIPZOO_UNROLL
  for (int k = 0; k < kPoolSide; ++k) {
    const int column = within(2 * place.column - 1 + k, shape.width);
    pixels[k] = load(
        x, pack_at(place, row, column, packs, shape.height, shape.width));
  }
}

/// y and, where the template says so, the taps, as large. A NaN is the maximum
/// of its window, as in torch::max_pool2d.
///
/// numbers: (kNormNumbers, C). By kMapThreads threads a block, in number as of
/// batch_norm_apply(), and as there from the end of x on.
template <typename T, bool kTaps>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    batch_norm_pool(const T* x, const Acc<T>* numbers, PoolShape shape, T* y,
                    unsigned char* taps) {
  using A = Acc<T>;
  const PackLayout& to = shape.to;
  const int packs = to.period;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  const long long thread =
      static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (thread >= to.packs) return;
  long long at = to.packs - 1 - thread;
  A mean[kPack], scale[kPack], bias[kPack];
  of_channels(numbers + kMean * to.channels, to, at, mean);
  of_channels(numbers + kScale * to.channels, to, at, scale);
  of_channels(numbers + kBias * to.channels, to, at, bias);
  for (; at >= 0; at -= step) {
    const auto place = place_of(at, packs, shape.out_height, shape.out_width);
    A most[kPack] = {};
    int tap[kPack];
    for (int j = 0; j < kPack; ++j) tap[j] = kNoTap;
    SKIPZOO_UNROLL
    for (int i = 0; i < kPoolSide; ++i) {
      const int row = 2 * place.row - 1 + i;
      if (row < 0 || row >= shape.height) continue;
      Pack<T> pixels[kPoolSide];
      load_row(x, place, row, packs, shape, pixels);
      SKIPZOO_UNROLL
      for (int k = 0; k < kPoolSide; ++k) {
        const int column = 2 * place.column - 1 + k;
        if (column < 0 || column >= shape.width) continue;
        A v[kPack];
        widen(pixels[k], v);
        for (int j = 0; j < kPack; ++j) {
          const A number = (v[j] - mean[j]) * scale[j] + bias[j];
          if (number > most[j] || number != number) {
            most[j] = number;
            tap[j] = i * kPoolSide + k;
          }
        }
      }
    }
    store(y, at, most);
    if (kTaps) {
      unsigned long long all = 0;
      for (int j = 0; j < kPack; ++j) {
        all |= static_cast<unsigned long long>(tap[j]) << 8 * j;
      }
      reinterpret_cast<unsigned long long*>(taps)[at] = all;
    }
  }
}

/// What batch_norm_gradient_sums() leaves, of g that lies where the taps say.
/// Whole windows of x are read and most of them left out: nearly every sector
/// of memory has one of the maxima, and reading those alone would be a chain of
/// single elements.
///
/// dy, taps: as y. partial: (gridDim.y, kGradientParts, lanes). By
/// dense_threads() a block, as it holds as many numbers.
template <typename T>
__global__ void __launch_bounds__(dense_threads(sizeof(Acc<T>)), kDenseBlocks)
    batch_norm_pool_gradient_sums(const T* dy, const T* x,
                                  const unsigned char* taps,
                                  const Acc<T>* numbers, PoolShape shape,
                                  Acc<T>* partial) {
  using A = Acc<T>;
  const PackLayout& to = shape.to;
  const int packs = to.period;
  const Walk way = walk(to);
  A sum[kPack] = {}, product[kPack] = {};
  if (way.inside && way.at < to.packs) {
    A mean[kPack];
    of_channels(numbers + kMean * to.channels, to, way.at, mean);
    for (long long at = way.at; at < to.packs; at += way.step) {
      const auto place = place_of(at, packs, shape.out_height, shape.out_width);
      const auto which = taps_of(taps, at);
      A g[kPack], v[kPack];
      widen(load(dy, at), g);
      for (int j = 0; j < kPack; ++j) {
        v[j] = mean[j];
        if (tap_of(which, j) == kNoTap) g[j] = 0;
      }
      SKIPZOO_UNROLL
      for (int i = 0; i < kPoolSide; ++i) {
        Pack<T> pixels[kPoolSide];
        load_row(x, place, within(2 * place.row - 1 + i, shape.height), packs,
                 shape, pixels);
        SKIPZOO_UNROLL
        for (int k = 0; k < kPoolSide; ++k) {
          A numbers_of[kPack];
          widen(pixels[k], numbers_of);
          for (int j = 0; j < kPack; ++j) {
            if (tap_of(which, j) == i * kPoolSide + k) v[j] = numbers_of[j];
          }
        }
      }
      for (int j = 0; j < kPack; ++j) {
        sum[j] += g[j];
        product[j] += g[j] * (v[j] - mean[j]);
      }
    }
  }
  leave_sums<dense_threads(sizeof(A))>(sum, product, to, partial);
}

/// dx = scale * g + slope * (x - mean) + constant, g being what the windows of
/// a pixel give back to it. through: (kGradientNumbers, C), null where the
/// statistics are not the batch's own.
template <typename T>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    batch_norm_pool_input_gradient(const T* dy, const T* x,
                                   const unsigned char* taps,
                                   const Acc<T>* numbers, const Acc<T>* through,
                                   PoolShape shape, T* dx) {
  using A = Acc<T>;
  const PackLayout& from = shape.from;
  const int channels = from.channels, packs = from.period;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  const long long thread =
      static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (thread >= from.packs) return;
  long long at = from.packs - 1 - thread;
  A mean[kPack], scale[kPack], slope[kPack] = {}, constant[kPack] = {};
  of_channels(numbers + kMean * channels, from, at, mean);
  of_channels(numbers + kScale * channels, from, at, scale);
  if (through != nullptr) {
    of_channels(through + kSlope * channels, from, at, slope);
    of_channels(through + kConstant * channels, from, at, constant);
  }
  for (; at >= 0; at -= step) {
    const auto place = place_of(at, packs, shape.height, shape.width);
    A g[kPack] = {}, v[kPack];
    // All loads before the first use. Of a window that is none, the first is
    // read again, and no tap of it is the own one.
    const auto input = through != nullptr ? load(x, at) : Pack<T>{};
    constexpr int kWindows = 4;
    Pack<T> gradients[kWindows];
    unsigned long long which[kWindows];
    int own[kWindows];
    SKIPZOO_UNROLL
    for (int w = 0; w < kWindows; ++w) {
      const int row = place.row / 2 + w / 2, column = place.column / 2 + w % 2;
      const bool is = row <= (place.row + 1) / 2 && row < shape.out_height &&
                      column <= (place.column + 1) / 2 &&
                      column < shape.out_width;
      const auto window = pack_at(place, is ? row : place.row / 2,
                                  is ? column : place.column / 2, packs,
                                  shape.out_height, shape.out_width);
      own[w] = is ? (place.row - 2 * row + 1) * kPoolSide + place.column -
                        2 * column + 1
                  : -1;
      which[w] = taps_of(taps, window);
      gradients[w] = load(dy, window);
    }
    SKIPZOO_UNROLL
    for (int w = 0; w < kWindows; ++w) {
      widen(gradients[w], v);
      for (int j = 0; j < kPack; ++j) {
        if (tap_of(which[w], j) == own[w]) g[j] += v[j];
      }
    }
    widen(input, v);
    for (int j = 0; j < kPack; ++j) {
      g[j] *= scale[j];
      if (through != nullptr) g[j] += slope[j] * (v[j] - mean[j]) + constant[j];
    }
    store(dx, at, g);
  }
}

}  // namespace skipzoo::cuda
