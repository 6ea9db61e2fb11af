#pragma once

// Internal to models/engine_gpu_*.cpp: how a program becomes a GpuPlan.

#include <set>
#include <string>
#include <unordered_map>
#include <vector>

#include "models/engine_gpu_plan.h"
#include "models/engine_plan_graph.h"

namespace skipzoo {

/// Turns the nodes of a graph, in their order, into steps.
class GpuPlanBuilder : PlanGraph {
 public:
  GpuPlanBuilder(const Program& program, const FusedConvolutions& fused,
                 GpuPlan& plan);
  /// Fills the plan; once.
  void build();

 private:
  using Values = GpuPlan::Values;

  /// relu(scale * source + offset) of a BatchNorm, left to the 1x1 convolution
  /// that alone reads it. In double, one of each channel.
  struct Activation {
    const torch::jit::Value* source;
    torch::Tensor scale, offset;
  };
  /// What a convolution does behind itself. added: null where nothing is.
  struct Ending {
    const torch::jit::Value* output;
    bool relu = false;
    const torch::jit::Value* added = nullptr;
  };

  // engine_gpu_builder.cpp: all but convolutions.

  void add_step(const std::string& name, GpuPlan::Step step,
                const std::vector<size_t>& reads);
  void visit(const torch::jit::Node* node);
  void visit_list(const torch::jit::Node* node);
  void visit_norm(const torch::jit::Node* node);
  void visit_relu(const torch::jit::Node* node);
  void visit_sum(const torch::jit::Node* node);
  /// As ATen runs it. keeps_type: of numbers that are known.
  void visit_other(const torch::jit::Node* node, bool keeps_type = false);
  /// A node's operator on other slots than those of its inputs.
  void add_operator(const torch::jit::Node* node,
                    const std::vector<size_t>& reads, size_t to);
  /// Marks what is computed from the images, and so has their number.
  void find_varying();
  /// Whether `reader` may write over a value: nobody else reads it, it is a
  /// view of nothing, and one of each image.
  bool may_overwrite(const torch::jit::Value* value,
                     const torch::jit::Node* reader) const;
  /// After the step that computes it: copies a part of a dense block into its
  /// buffer.
  void place(const torch::jit::Value* value);
  void place_blocks();
  void visit_placed_cat(const torch::jit::Node* node);

  // engine_gpu_convolutions.cpp.

  /// Whether it is the addition of a convolution's output with a ReLU behind
  /// it, and nothing else reads the two.
  bool waits_for_addition(const torch::jit::Node* node) const;
  void visit_convolution(const torch::jit::Node* node);
  /// An addition with a convolution that waited for it, or two.
  void visit_pending_sum(const torch::jit::Node* node);
  ConvolutionArguments read_convolution(const torch::jit::Node* node) const;
  /// bias: of `node` and, where it is defined, of what is added.
  void emit_convolution(const torch::jit::Node* node, const Ending& ending,
                        bool without_bias = false,
                        const torch::Tensor& more_bias = {});
  /// How it may run; conv: of the plan's type.
  std::vector<Ways::Way> ways_of(const ConvolutionArguments& conv,
                                 const Ending& ending) const;
  void add_convolution(const ConvolutionArguments& conv, const Ending& ending,
                       size_t from);
  /// Whether an activation before it may be left to it.
  bool takes_activation(const torch::jit::Node* node) const;
  bool is_pointwise(const torch::jit::Node* node) const;
  /// Emits the pass before a 1x1 convolution that is left of an activation, and
  /// puts the rest into the convolution. Returns the slot that it reads.
  size_t emit_activation(const Activation& activation,
                         ConvolutionArguments& conv);
  /// The mean behind a 1x1 convolution that may as well come before it, of
  /// fewer pixels; or null.
  const torch::jit::Node* movable_pool(const torch::jit::Node* node) const;

  const FusedConvolutions& fused_;
  GpuPlan& plan_;
  std::vector<std::vector<size_t>> reads_;  ///< Of each step.
  /// Nodes done by a step of another.
  std::set<const torch::jit::Node*> consumed_;
  std::unordered_map<const torch::jit::Value*, Activation> activations_;
  /// Convolutions that wait for the addition behind them, by their outputs.
  std::unordered_map<const torch::jit::Value*, const torch::jit::Node*>
      pending_;
  std::set<const torch::jit::Value*> own_memory_;  ///< Views of nothing else.
  std::set<const torch::jit::Value*> varying_;
};

}  // namespace skipzoo
