#pragma once

// Internal to models/engine.cpp: how an Engine runs on a GPU.

#include <memory>
#include <vector>

#include "models/engine_gpu_plan.h"
#include "models/kernels/cuda/graph.h"
#include "models/recently_used.h"
#include "models/recorded_forward.h"
#include "models/tensor.h"

namespace skipzoo {

struct Classifier;

/// Runs GpuPlans, each batch size as a CUDA graph from its third batch on.
class GpuEngine {
 public:
  /// type: float32, bfloat16 or float16. model: on `device`; must outlive the
  /// engine.
  GpuEngine(Classifier& model, at::ScalarType type, torch::Device device);

  /// As Engine's.
  torch::Tensor operator()(const torch::Tensor& images);
  torch::Device device() const { return device_; }

 private:
  using Size = std::vector<int64_t>;
  using Recorded = RecordedForward<CudaGraph>;
  std::shared_ptr<GpuPlan> plan_for(const torch::Tensor& images);

  Classifier& model_;
  at::ScalarType type_;
  torch::Device device_;
  FusedConvolutions fused_;
  RecentlyUsed<Size, std::shared_ptr<GpuPlan>> plans_;  ///< By (C, H, W).
  /// By (N, C, H, W).
  RecentlyUsed<Size, std::unique_ptr<Recorded>> recorded_;
};

}  // namespace skipzoo
