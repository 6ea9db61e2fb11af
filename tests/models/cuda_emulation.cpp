#include "tests/models/cuda_emulation.h"

#include "tests/support/cuda_grid.h"

// The very text that NVRTC compiles.
#include "models/kernels/cuda/batch_norm.cu"
#include "models/kernels/cuda/batch_norm_backward.cu"
#include "models/kernels/cuda/batch_norm_pool.cu"
#include "models/kernels/cuda/dense_block.cu"

namespace skipzoo {

namespace {

std::string in_brackets(at::ScalarType type, const std::string& flags = {}) {
  return "<" + std::string(cuda_type_name(type)) + flags + ">";
}

template <typename T, bool relu, bool residual>
void add_passes(EmulatedKernels& to, at::ScalarType type) {
  const auto flags =
      in_brackets(type, std::string(relu ? ", true" : ", false") +
                            (residual ? ", true" : ", false"));
  to.add("batch_norm_apply" + flags, cuda::batch_norm_apply<T, relu, residual>);
  to.add("batch_norm_input_gradient" + flags,
         cuda::batch_norm_input_gradient<T, relu, residual>);
}

template <typename T, bool whole>
void add_dense(EmulatedKernels& to, at::ScalarType type) {
  const auto flags = in_brackets(type, whole ? ", true" : ", false");
  to.add("dense_activate" + flags, cuda::dense_activate<T, whole>);
  to.add("dense_gradient" + flags, cuda::dense_gradient<T, whole>);
  to.add("dense_finish" + flags, cuda::dense_finish<T, whole>);
}

template <typename T>
void add_kernels(EmulatedKernels& to, at::ScalarType type) {
  to.add("batch_norm_moments" + in_brackets(type), cuda::batch_norm_moments<T>);
  to.add("batch_norm_numbers" + in_brackets(type), cuda::batch_norm_numbers<T>);
  to.add("dense_moments" + in_brackets(type), cuda::dense_moments<T>);
  to.add("batch_norm_gradient_sums" + in_brackets(type, ", false"),
         cuda::batch_norm_gradient_sums<T, false>);
  to.add("batch_norm_gradient_sums" + in_brackets(type, ", true"),
         cuda::batch_norm_gradient_sums<T, true>);
  add_passes<T, false, false>(to, type);
  add_passes<T, false, true>(to, type);
  add_passes<T, true, false>(to, type);
  add_passes<T, true, true>(to, type);
  add_dense<T, false>(to, type);
  add_dense<T, true>(to, type);
  to.add("batch_norm_pool" + in_brackets(type, ", false"),
         cuda::batch_norm_pool<T, false>);
  to.add("batch_norm_pool" + in_brackets(type, ", true"),
         cuda::batch_norm_pool<T, true>);
  to.add("batch_norm_pool_gradient_sums" + in_brackets(type),
         cuda::batch_norm_pool_gradient_sums<T>);
  to.add("batch_norm_pool_input_gradient" + in_brackets(type),
         cuda::batch_norm_pool_input_gradient<T>);
}

template <typename A>
void add_totals(EmulatedKernels& to, at::ScalarType type) {
  to.add("batch_norm_gradient_numbers" + in_brackets(type),
         cuda::batch_norm_gradient_numbers<A>);
  to.add("dense_numbers" + in_brackets(type), cuda::dense_numbers<A>);
}

}  // namespace

CudaKernelsPtr emulated_kernels() {
  static const auto kernels = [] {
    constexpr int64_t kMultiprocessors = 3;
    auto made = c10::make_intrusive<EmulatedKernels>(kMultiprocessors);
    add_kernels<float>(*made, at::kFloat);
    add_kernels<double>(*made, at::kDouble);
    add_kernels<cuda::BFloat16>(*made, at::kBFloat16);
    add_kernels<cuda::Half>(*made, at::kHalf);
    add_totals<float>(*made, at::kFloat);
    add_totals<double>(*made, at::kDouble);
    return made;
  }();
  return kernels;
}

}  // namespace skipzoo
