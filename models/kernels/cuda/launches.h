#pragma once

#include <torch/nn.h>

#include <string>
#include <utility>

#include "models/kernels/cuda/grids.h"
#include "models/kernels/cuda/kernels.h"

// What launches on tensors have in common. For the files of this folder alone.

namespace skipzoo {

/// "name<type, true, false>".
template <typename... Flags>
std::string instance(const char* name, const char* type, Flags... flags) {
  std::string all = std::string(name) + "<" + type;
  ((all += flags ? ", true" : ", false"), ...);
  return all + ">";
}

/// Where loads of 16 bytes can begin: memory of LibTorch's own does, a view may
/// not.
inline torch::Tensor aligned(const torch::Tensor& x) {
  constexpr uintptr_t kBytes = 16;
  const auto near = x.contiguous(at::MemoryFormat::ChannelsLast);
  const auto at = reinterpret_cast<uintptr_t>(near.const_data_ptr());
  return at % kBytes == 0 ? near : near.clone();
}

/// A tensor's memory as kernels take it, null for none.
inline const void* data_of(const torch::Tensor& x) {
  return x.defined() ? x.const_data_ptr() : nullptr;
}
inline void* room_of(const torch::Tensor& x) {
  return x.defined() ? x.mutable_data_ptr() : nullptr;
}
inline torch::Tensor room(at::IntArrayRef sizes, const torch::Tensor& x,
                          at::ScalarType type) {
  return torch::empty(sizes, x.options().dtype(type));
}

/// Kernels of images of one shape and type.
struct ImageLaunches {
  ImageLaunches(CudaKernels& kernels, at::IntArrayRef shape, at::ScalarType of)
      : layout(layout_of(c10::multiply_integers(shape), shape[1])),
        sums(cuda_sum_type(of)),
        type(cuda_type_name(of)),
        sum_type(cuda_type_name(sums)),
        multiprocessors(kernels.multiprocessors()) {}
  ImageLaunches(CudaKernels& kernels, const torch::Tensor& x)
      : ImageLaunches(kernels, x.sizes(), x.scalar_type()) {}

  int sum_size() const { return static_cast<int>(c10::elementSize(sums)); }
  SumGrid sum_grid() const {
    return skipzoo::sum_grid(layout, cuda::sum_threads(sum_size()),
                             multiprocessors);
  }

  static CudaLaunch over_sums(const char* file, std::string kernel,
                              const SumGrid& grid) {
    return {file,
            std::move(kernel),
            {grid.columns, grid.parts},
            {grid.across, grid.down}};
  }
  CudaLaunch over_totals(const char* file, std::string kernel) const {
    const int blocks =
        (layout.channels + cuda::kTotalChannels - 1) / cuda::kTotalChannels;
    return {file,
            std::move(kernel),
            {static_cast<unsigned>(blocks), 1},
            {cuda::kTotalChannels, cuda::kTotalOthers}};
  }
  CudaLaunch over_packs(const char* file, std::string kernel) const {
    return {file,
            std::move(kernel),
            {map_blocks(layout, multiprocessors), 1},
            {cuda::kMapThreads, 1}};
  }

  cuda::PackLayout layout;
  at::ScalarType sums;  ///< The type that they are in.
  const char* type;
  const char* sum_type;
  int64_t multiprocessors;
};

/// What a kernel is to know of a norm in training. The batch is counted there,
/// or here where Module::to(type) has made the count no integer.
inline cuda::NormState<void> state_of(torch::nn::BatchNorm2dImpl& norm) {
  auto& count = norm.num_batches_tracked;
  const bool is_integer = count.scalar_type() == at::kLong;
  if (!is_integer) count.add_(1);
  return {
      .weight = data_of(norm.weight),
      .bias = data_of(norm.bias),
      .running_mean = room_of(norm.running_mean),
      .running_variance = room_of(norm.running_var),
      .batches = is_integer ? static_cast<long long*>(room_of(count)) : nullptr,
      .eps = norm.options.eps(),
      .momentum = norm.options.momentum().value()};
}

/// What blocks of batch_norm_moments() leave of x, (slots, parts, lanes).
torch::Tensor partial_moments(CudaKernels& kernels, const ImageLaunches& by,
                              const torch::Tensor& x);

/// The gradients of a norm's weight and bias, (C), and how one goes on through
/// the statistics, (2, C), of what blocks leave; numbers: (4, C).
struct TotalGradients {
  torch::Tensor weight, bias, through;
};
TotalGradients total_gradients(CudaKernels& kernels, const ImageLaunches& by,
                               const torch::Tensor& partial,
                               const torch::Tensor& numbers, int64_t pixels,
                               bool training);

}  // namespace skipzoo
