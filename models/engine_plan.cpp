#include "models/engine_plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <chrono>

#include "models/engine_plan_builder.h"

namespace skipzoo {

EnginePlan::EnginePlan(const Program& program, at::ScalarType type)
    : type_(type) {
  const torch::NoGradGuard no_grad;
  PlanBuilder(program, *this).build();
}

template <typename Around>
torch::Tensor EnginePlan::run_steps(const torch::Tensor& images,
                                    const Around& around) const {
  const at::AutoDispatchBelowAutograd no_autograd;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  Slots slots = initial_;
  slots[0] = images.to(type_).contiguous(at::MemoryFormat::ChannelsLast);
  for (size_t i = 0; i < steps_.size(); ++i) {
    around(i, [&] { steps_[i](slots); });
    for (const size_t slot : done_[i]) slots[slot] = c10::IValue();
  }
  return slots[output_].toTensor().to(torch::kFloat);
}

torch::Tensor EnginePlan::run(const torch::Tensor& images) const {
  return run_steps(images, [](size_t, const auto& step) { step(); });
}

torch::Tensor EnginePlan::run(const torch::Tensor& images,
                              std::vector<LayerTime>& times) const {
  using Clock = std::chrono::steady_clock;
  const auto count = static_cast<double>(images.size(0));
  if (times.empty()) {
    times = work_;
    for (auto& layer : times) {
      layer.flops *= count;
      layer.bytes = layer.bytes * count + layer.weight_bytes;
    }
  }
  return run_steps(images, [&](size_t i, const auto& step) {
    const auto start = Clock::now();
    step();
    times[i].seconds.push_back(
        std::chrono::duration<double>(Clock::now() - start).count());
  });
}

}  // namespace skipzoo
