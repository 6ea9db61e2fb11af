// What batch_norm.cu computes, backward. dy, x and the ReLU's bits are read
// once for two sums and once for dx, from the end backwards then.

#include "models/kernels/cuda/sums.cuh"

namespace skipzoo::cuda {

/// Σ g and Σ g (x - mean) of each lane, a slot for each block; g = dy where the
/// mask has a bit, without a ReLU everywhere.
///
/// partial: (gridDim.y, kGradientParts, lanes), and one slot more for a tail.
template <typename T, bool kRelu>
__global__ void __launch_bounds__(sum_threads(sizeof(Acc<T>)), kSumBlocks)
    batch_norm_gradient_sums(const T* dy, const T* x, const unsigned char* mask,
                             const Acc<T>* numbers, PackLayout layout,
                             Acc<T>* partial) {
  using A = Acc<T>;
  constexpr int kUnroll = 2;
  const Walk way = walk(layout);
  A sum[kPack] = {}, product[kPack] = {};
  if (way.inside && way.at < layout.packs) {
    A mean[kPack];
    of_channels(numbers + kMean * layout.channels, layout, way.at, mean);
    const auto add = [&](const Pack<T>& gradient, const Pack<T>& input,
                         unsigned bits) {
      A g[kPack], v[kPack];
      widen(gradient, g);
      widen(input, v);
      for (int j = 0; j < kPack; ++j) {
        if (kRelu && (bits >> j & 1) == 0) g[j] = 0;
        sum[j] += g[j];
        product[j] += g[j] * (v[j] - mean[j]);
      }
    };
    long long at = way.at;
    for (; at + (kUnroll - 1) * way.step < layout.packs;
         at += kUnroll * way.step) {
      Pack<T> gradients[kUnroll], inputs[kUnroll];
      unsigned bits[kUnroll];
      for (int u = 0; u < kUnroll; ++u) {
        gradients[u] = load(dy, at + u * way.step);
        inputs[u] = load(x, at + u * way.step);
        bits[u] = kRelu ? mask[at + u * way.step] : 0;
      }
      for (int u = 0; u < kUnroll; ++u) add(gradients[u], inputs[u], bits[u]);
    }
    for (; at < layout.packs; at += way.step) {
      add(load(dy, at), load(x, at), kRelu ? mask[at] : 0);
    }
  }
  constexpr int kThreads = sum_threads(sizeof(A));
  leave_sums<kThreads>(sum, product, layout, partial);
  each_lane_of_tail<kThreads>(
      partial, layout, kGradientParts,
      [&](A* slot, long long element, int lane) {
        const int lanes = lanes_of(layout);
        const bool is = element >= 0 &&
                        (!kRelu || (mask[layout.packs] >> element % kPack & 1));
        const A g = is ? widened(dy[element]) : A(0);
        const A mean =
            numbers[kMean * layout.channels + lane % layout.channels];
        slot[kSumPart * lanes + lane] = g;
        slot[kProductPart * lanes + lane] =
            is ? g * (widened(x[element]) - mean) : A(0);
      });
}

/// Adds up what blocks have left, as batch_norm_numbers() does: the gradients
/// of weight and bias, (C), and how one goes on through the statistics,
/// (kGradientNumbers, C): not at all where they are not the batch's own.
///
/// partial: (slots, kGradientParts, lanes); pixels: of each channel.
template <typename A>
__global__ void __launch_bounds__(kTotalChannels* kTotalOthers)
    batch_norm_gradient_numbers(const A* partial, int slots, PackLayout layout,
                                const A* numbers, long long pixels,
                                int training, A* dweight, A* dbias,
                                A* through) {
  const auto total = total_sums(partial, slots, layout);
  const int channels = layout.channels, channel = total_channel();
  if (threadIdx.y > 0 || channel >= channels) return;
  const double inverse = numbers[kInverse * channels + channel];
  const double share = training != 0 ? -numbers[kScale * channels + channel] /
                                           static_cast<double>(pixels)
                                     : 0;
  dweight[channel] = static_cast<A>(total.product * inverse);
  dbias[channel] = static_cast<A>(total.sum);
  through[kSlope * channels + channel] =
      static_cast<A>(share * inverse * inverse * total.product);
  through[kConstant * channels + channel] = static_cast<A>(share * total.sum);
}

/// dx = scale * g + slope * (x - mean) + constant, without the last two where
/// through is null: nothing goes through running statistics; the residual's
/// gradient is g itself, written where the template says so. By threads as in
/// batch_norm_apply().
template <typename T, bool kRelu, bool kResidual>
__global__ void __launch_bounds__(kMapThreads, kMapBlocks)
    batch_norm_input_gradient(const T* dy, const T* x,
                              const unsigned char* mask, const Acc<T>* numbers,
                              const Acc<T>* through, PackLayout layout, T* dx,
                              T* dresidual) {
  using A = Acc<T>;
  constexpr int kUnroll = 2;
  const int channels = layout.channels;
  const long long step = static_cast<long long>(gridDim.x) * blockDim.x;
  const long long thread =
      static_cast<long long>(blockIdx.x) * blockDim.x + threadIdx.x;
  if (thread < layout.packs) {
    long long at = layout.packs - 1 - thread;
    A mean[kPack] = {}, scale[kPack], slope[kPack] = {}, constant[kPack] = {};
    of_channels(numbers + kScale * channels, layout, at, scale);
    if (through != nullptr) {
      of_channels(numbers + kMean * channels, layout, at, mean);
      of_channels(through + kSlope * channels, layout, at, slope);
      of_channels(through + kConstant * channels, layout, at, constant);
    }
    const auto put_pack = [&](long long pack, const Pack<T>& gradient,
                              const Pack<T>& input, unsigned bits) {
      A g[kPack], v[kPack];
      widen(gradient, g);
      widen(input, v);
      for (int j = 0; j < kPack; ++j) {
        if (kRelu && (bits >> j & 1) == 0) g[j] = 0;
        const A own = scale[j] * g[j];
        // A NaN of x is none of the gradient's then.
        v[j] = through == nullptr
                   ? own
                   : own + (slope[j] * (v[j] - mean[j]) + constant[j]);
      }
      store(dx, pack, v);
      if (kResidual) store(dresidual, pack, g);
    };
    for (; at - (kUnroll - 1) * step >= 0; at -= kUnroll * step) {
      Pack<T> gradients[kUnroll], inputs[kUnroll];
      unsigned bits[kUnroll];
      for (int u = 0; u < kUnroll; ++u) {
        gradients[u] = load(dy, at - u * step);
        inputs[u] = load(x, at - u * step);
        bits[u] = kRelu ? mask[at - u * step] : 0;
      }
      for (int u = 0; u < kUnroll; ++u) {
        put_pack(at - u * step, gradients[u], inputs[u], bits[u]);
      }
    }
    for (; at >= 0; at -= step) {
      put_pack(at, load(dy, at), load(x, at), kRelu ? mask[at] : 0);
    }
  }
  if (layout.tail > 0 && thread == 0) {
    for (int j = 0; j < layout.tail; ++j) {
      const long long at = layout.packs * kPack + j;
      const int c = static_cast<int>(at % channels);
      A g = widened(dy[at]);
      if (kRelu && (mask[layout.packs] >> j & 1) == 0) g = 0;
      A own = numbers[kScale * channels + c] * g;
      if (through != nullptr) {
        const A distance = widened(x[at]) - numbers[kMean * channels + c];
        own += through[kSlope * channels + c] * distance +
               through[kConstant * channels + c];
      }
      put(dx + at, own);
      if (kResidual) put(dresidual + at, g);
    }
  }
}

}  // namespace skipzoo::cuda
