#include "models/engine_plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include "models/engine_plan_builder.h"

namespace skipzoo {

EnginePlan::EnginePlan(const Program& program, at::ScalarType type)
    : type_(type) {
  const torch::NoGradGuard no_grad;
  PlanBuilder(program, *this).build();
}

torch::Tensor EnginePlan::run(const torch::Tensor& images) const {
  const at::AutoDispatchBelowAutograd no_autograd;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  Slots slots = initial_;
  slots[0] = images.to(type_).contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < steps_.size(); ++i) {
    steps_[i](slots);
    for (const size_t slot : done_[i]) slots[slot] = c10::IValue();
  }
  return slots[output_].toTensor().to(torch::kFloat);
}

}  // namespace skipzoo
