#include "models/engine_plan.h"

#include <ATen/core/LegacyTypeDispatch.h>
#include <c10/core/impl/LocalDispatchKeySet.h>

#include <chrono>
#include <utility>

#include "models/engine_plan_builder.h"
#include "models/kernels/blocking/share_out.h"
#include "models/kernels/choice.h"

namespace skipzoo {

namespace {

/// Channels-last images of that type.
torch::Tensor as_input(const torch::Tensor& images, at::ScalarType type,
                       EngineMemory& memory) {
  if (images.scalar_type() == type &&
      images.is_contiguous(at::MemoryFormat::ChannelsLast)) {
    return images;
  }
  return memory(images.sizes(), images.options().dtype(type)).copy_(images);
}

}  // namespace

EnginePlan::EnginePlan(const Program& program, at::ScalarType type)
    : type_(type) {
  const torch::NoGradGuard no_grad;
  PlanBuilder(program, *this).build();
}

template <typename Around>
torch::Tensor EnginePlan::run_steps(const torch::Tensor& images,
                                    const Around& around) {
  // Nor does a view remember what it is one of.
  const at::AutoDispatchBelowADInplaceOrView no_autograd;
  const c10::impl::ExcludeDispatchKeyGuard no_autocast(
      c10::DispatchKey::AutocastCPU);
  Slots slots = std::exchange(slots_, {});
  if (slots.values.empty()) slots.values = initial_;
  slots.memory.begin_run(images.size(0));
  slots[0] = as_input(images, type_, slots.memory);
  slots.memory.end_step();  // What is copied is a result before the first.
  const auto run_step = [&](size_t i) {
    around(i, [&] { steps_[i](slots); });
    for (const size_t slot : done_[i]) slots[slot] = c10::IValue();
    slots.memory.end_step();
  };
  const bool is_seen = seen_ == images.sizes();
  is_own_.resize(steps_.size());
  for (size_t i = 0; i < steps_.size();) {
    const size_t end = is_seen ? end_of_team(i) : i;
    if (i + 1 < end) {
      Team::run([&] {
        for (; i < end; ++i) run_step(i);
      });
      continue;
    }
    const int64_t before = parallel_calls_of_libtorch;
    run_step(i);
    is_own_[i] = parallel_calls_of_libtorch == before;
    ++i;
  }
  seen_ = images.sizes();
  auto logits = slots[output_].toTensor().to(torch::kFloat);
  slots[output_] = initial_[output_];
  slots.memory.end_run();
  slots_ = std::move(slots);
  return logits;
}

size_t EnginePlan::end_of_team(size_t i) const {
  if (at::get_num_threads() == 1) return i;
  while (i < steps_.size() && is_own_[i]) ++i;
  return i;
}

torch::Tensor EnginePlan::run(const torch::Tensor& images) {
  if (auto* listener = ChoiceListener::active()) {
    return run_steps(images, [&](size_t i, const auto& step) {
      const ChoiceListener::Step named(*listener, work_[i].name);
      step();
    });
  }
  return run_steps(images, [](size_t, const auto& step) { step(); });
}

torch::Tensor EnginePlan::run(const torch::Tensor& images,
                              std::vector<LayerTime>& times) {
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
