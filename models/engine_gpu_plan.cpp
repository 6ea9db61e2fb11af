#include "models/engine_gpu_plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <ATen/ops/empty.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "models/engine_gpu_builder.h"

namespace skipzoo {

namespace {

/// Channels-last images of that type.
torch::Tensor as_gpu_input(const torch::Tensor& images, at::ScalarType type) {
  if (images.scalar_type() == type &&
      images.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return images;
  }
  return at::empty(images.sizes(), images.options().dtype(type),
                   at::MemoryFormat::ChannelsLast)
      .copy_(images);
}

}  // namespace

GpuPlan::GpuPlan(const Program& program, at::ScalarType type,
                 const FusedConvolutions& fused)
    : type_(type) {
  const torch::NoGradGuard no_grad;
  GpuPlanBuilder(program, fused, *this).build();
}

torch::Tensor GpuPlan::run(const torch::Tensor& images) {
  // Nor does a view remember what it is one of.
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(c10::DispatchKeySet(
      {c10::DispatchKey::AutocastCPU, c10::DispatchKey::AutocastCUDA}));
  Values values = initial_;
  values[0] = as_gpu_input(images, type_);
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i](values);
    for (const size_t slot : done_[i]) values[slot] = c10::IValue();
  }
  return values[output_].toTensor();
}

}  // namespace skipzoo
