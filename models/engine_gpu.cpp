#include "models/engine_gpu.h"

#include <c10/core/DeviceGuard.h>

#include "models/classifier.h"
#include "models/program.h"

namespace skipzoo {

namespace {

constexpr size_t kMostSizes = 8;

}  // namespace

GpuEngine::GpuEngine(Classifier& model, at::ScalarType type,
                     torch::Device device)
    : model_(model),
      type_(type),
      device_(device),
      fused_(cudnn_convolutions(device)),
      plans_(kMostSizes),
      recorded_(kMostSizes) {}

torch::Tensor GpuEngine::operator()(const torch::Tensor& images) {
  const c10::DeviceGuard on_device(device_);
  auto* found = recorded_.find(images.sizes().vec());
  if (found == nullptr) {
    const auto plan = plan_for(images);
    auto graph = CudaGraph::is_available(device_)
                     ? std::make_unique<CudaGraph>(device_)
                     : nullptr;
    found = &recorded_.add(images.sizes().vec(),
                           std::make_unique<Recorded>(
                               [plan](const torch::Tensor& x) {
                                 return plan->run(x).to(at::kFloat);
                               },
                               type_, std::move(graph)));
  }
  return (**found)(images);
}

std::shared_ptr<GpuPlan> GpuEngine::plan_for(const torch::Tensor& images) {
  const auto size = images.sizes().slice(1).vec();
  if (const auto* made = plans_.find(size)) return *made;
  const Program program = folded_program(model_, images);
  return plans_.add(size, std::make_shared<GpuPlan>(program, type_, fused_));
}

}  // namespace skipzoo
