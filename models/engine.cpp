#include "models/engine.h"

#include <ATen/core/LegacyTypeDispatch.h>

#include "models/engine_plan.h"
#include "models/eval_mode.h"
#include "models/program.h"
#include "models/zoo.h"

namespace skipzoo {

/// For images of one size.
class Engine::Plan : public EnginePlan {
 public:
  using EnginePlan::EnginePlan;
};

Engine::Engine(Classifier& model, Kernels kernels, at::ScalarType type)
    : model_(model), type_(type) {
  plans_ = kernels == Kernels::kFused && model.is_traceable();
  for (const auto& parameter : model.parameters()) {
    plans_ =
        plans_ && parameter.is_cpu() && parameter.scalar_type() == at::kFloat;
  }
}

Engine::~Engine() = default;

torch::Tensor Engine::operator()(const torch::Tensor& images) {
  const torch::NoGradGuard no_grad;
  if (!plans_ || !images.is_cpu()) {
    const EvalMode eval(model_);
    return model_.forward(images);
  }
  const auto shape = images.sizes().slice(1).vec();
  auto& plan = of_size_[shape];
  if (plan == nullptr) {
    const EvalMode eval(model_);
    Program program = trace(
        state_dict(model_),
        [&](const torch::Tensor& x) { return model_.forward(x); },
        torch::zeros_like(images.narrow(0, 0, 1)));
    fold_batch_norms(program);
    plan = std::make_unique<Plan>(program, type_);
  }
  return plan->run(images);
}

}  // namespace skipzoo
