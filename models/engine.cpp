#include "models/engine.h"

#include <algorithm>
#include <optional>
#include <utility>

#include "models/classifier.h"
#include "models/engine_gpu.h"
#include "models/engine_plan.h"
#include "models/eval_mode.h"
#include "models/program.h"

namespace skipzoo {

namespace {

constexpr size_t kMostPlans = 8;

/// Of a network whose parameters are all float32 and on one device; else none.
std::optional<torch::Device> device_of(const Classifier& model) {
  std::optional<torch::Device> device;
  for (const auto& parameter : model.parameters()) {
    if (device && *device != parameter.device()) return std::nullopt;
    if (parameter.scalar_type() != at::kFloat) return std::nullopt;
    device = parameter.device();
  }
  return device;
}

}  // namespace

/// For images of one size.
class Engine::Plan : public EnginePlan {
 public:
  Plan(const Program& program, at::ScalarType type,
       std::vector<int64_t> image_size)
      : EnginePlan(program, type), size(std::move(image_size)) {}

  const std::vector<int64_t> size;  ///< (C, H, W)
};

Engine::Engine(Classifier& model, Kernels kernels, at::ScalarType type)
    : model_(model), type_(type) {
  const auto device =
      kernels == Kernels::kFused ? device_of(model) : std::nullopt;
  plans_ = device && device->is_cpu();
  TORCH_CHECK(
      !plans_ || type != at::kHalf,
      "an engine in float16 is for a GPU; on the CPU there is bfloat16");
  if (device && device->is_cuda()) {
    gpu_ = std::make_unique<GpuEngine>(model, type, *device);
  }
}

Engine::~Engine() = default;

torch::Tensor Engine::operator()(const torch::Tensor& images) {
  const torch::NoGradGuard no_grad;
  if (gpu_ && images.device() == gpu_->device() && images.size(0) > 0) {
    return (*gpu_)(images);
  }
  if (!plans_ || !images.is_cpu()) {
    const EvalMode eval(model_);
    return model_.forward(images);
  }
  return plan_for(images).run(images);
}

std::vector<LayerTime> Engine::layer_times(const torch::Tensor& images,
                                           int64_t runs) {
  const torch::NoGradGuard no_grad;
  std::vector<LayerTime> times;
  if (!plans_ || !images.is_cpu()) return times;
  auto& plan = plan_for(images);
  plan.run(images);
  for (int64_t i = 0; i < runs; ++i) plan.run(images, times);
  return times;
}

Engine::Plan& Engine::plan_for(const torch::Tensor& images) {
  const auto size = images.sizes().slice(1);
  auto& plans = plans_of_sizes_;
  const auto made =
      std::find_if(plans.begin(), plans.end(),
                   [&](const auto& plan) { return size.equals(plan->size); });
  if (made != plans.end()) {
    if (made != plans.begin()) plans.front()->release_memory();
    plans.splice(plans.begin(), plans, made);
    return *plans.front();
  }
  const Program program = folded_program(model_, images);
  if (!plans.empty()) plans.front()->release_memory();
  if (plans.size() == kMostPlans) plans.pop_back();
  plans.push_front(std::make_unique<Plan>(program, type_, size.vec()));
  return *plans.front();
}

}  // namespace skipzoo
