#pragma once

// Internal to models/engine_plan*.cpp: how a program becomes an EnginePlan.

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <map>
#include <memory>
#include <optional>
#include <set>
#include <unordered_map>
#include <vector>

#include "models/engine_plan.h"
#include "models/engine_plan_graph.h"
#include "models/kernels/algorithms/pool_window.h"
#include "models/kernels/ops/inference.h"

namespace skipzoo {

/// Turns the nodes of a graph, in their order, into steps. Several become one
/// where an operator does them together.
class PlanBuilder : PlanGraph {
 public:
  PlanBuilder(const Program& program, EnginePlan& plan);
  /// Fills the plan; once.
  void build();

 private:
  using Slots = EnginePlan::Slots;
  using Step = EnginePlan::Step;

  /// relu(scale * source + offset), left to whoever reads it. Without a scale,
  /// the source itself.
  struct Activation {
    const torch::jit::Value* source;
    torch::Tensor scale, offset;
  };
  struct Convolution {
    torch::Tensor weight, bias;
    PackedConvolution::Shape shape;
  };
  /// Images with zeros around them, left to the convolution that reads them.
  struct Padded {
    const torch::jit::Value* source;
    ExtraPadding extra;
  };
  /// What a convolution or a gate does behind itself.
  struct Ending {
    const torch::jit::Value* output;
    bool relu = false;
  };
  /// A convolution by oneDNN, from slot to slot.
  struct PackedStep {
    std::shared_ptr<PackedConvolution> convolution;
    size_t from, to;
    bool relu;
  };

  // engine_plan_builder.cpp: slots, steps and all but convolutions.

  void add_step(Step step, const std::vector<size_t>& reads);
  /// What a view with more axes, or a transpose, is of: a parameter, say.
  static const torch::jit::Value* viewed(const torch::jit::Value* value);
  /// What a node does, on one image.
  LayerTime work_of(const torch::jit::Node* node) const;

  void visit(const torch::jit::Node* node);
  void visit_list(const torch::jit::Node* node);
  void visit_norm(const torch::jit::Node* node);
  /// Its slot, after what was left to its readers is done.
  size_t computed(const torch::jit::Value* value);
  /// As LibTorch runs it.
  void visit_other(const torch::jit::Node* node);
  /// Computes what was left to the readers of `as`; returns its slot.
  size_t emit_activation(const Activation& activation,
                         const torch::jit::Value* as);

  // engine_plan_blocks.cpp: dense blocks, whose parts share a buffer.

  /// The longest concatenation of a dense block becomes a buffer that the
  /// others are the beginning of.
  void find_dense_blocks();
  /// The buffer, made by whoever writes its first channels. sizes: of any part
  /// of it, (N, C, H, W).
  static torch::Tensor buffer_of(Slots& slots, const Place& place,
                                 at::IntArrayRef sizes,
                                 const torch::TensorOptions& options);
  /// like: a part of it, or images of its size and type.
  static torch::Tensor buffer_of(Slots& slots, const Place& place,
                                 const torch::Tensor& like) {
    return buffer_of(slots, place, like.sizes(), like.options());
  }
  /// Copies a value that is part of a dense block into its buffer.
  void place(const torch::jit::Value* value);
  void visit_dense_cat(const torch::jit::Node* node);
  /// Whether something besides the block's concatenations reads it.
  bool is_read_alone(const torch::jit::Value* value) const;
  void visit_part(const torch::jit::Value* value, const Place& place,
                  int64_t count);
  /// Whether our own kernels know this kind of convolution.
  bool is_dense_convolution(const Convolution& conv) const;
  /// Whether it is the beginning of a buffer, and not all of it.
  bool begins_buffer(const torch::jit::Value* value) const;
  /// Whether they also spare a pass over memory here.
  bool suits_dense_block(const Convolution& conv,
                         const torch::jit::Value* input,
                         const Ending& ending) const;
  /// Tells who listens of a 1x1 convolution of images (N, C, H, W), of which it
  /// reads the first `in` channels.
  static void tell_pointwise(const torch::Tensor& images, int64_t in,
                             int64_t out, const Verdict& why);
  void emit_dense_convolution(const Convolution& conv,
                              const torch::jit::Value* input,
                              const Ending& ending);

  // engine_plan_paths.cpp: dense blocks whose first part is added to, as a Dual
  // Path Network's is.

  /// The block whose first part is what `block`'s is a sum of, and whose other
  /// parts `block` has too, where that sum may be written over that part; or
  /// null.
  const torch::jit::Value* goes_on_from(const Blocks::value_type& block,
                                        const Blocks& blocks) const;
  /// Whether no step reads a value, or what is left to its readers, after the
  /// node's.
  bool is_read_before(const torch::jit::Value* value,
                      const torch::jit::Node* node) const;
  /// Gives those before `block` places in its buffer.
  void share_with_earlier(const torch::jit::Value* block, const Blocks& blocks);
  /// Whether it adds images to as many others.
  bool is_sum(const torch::jit::Node* node) const;
  /// Whether it is one that has a place.
  bool is_placed_sum(const torch::jit::Node* node) const;
  /// Writes a sum where it belongs.
  void emit_placed_sum(const torch::jit::Node* node);
  /// A 1x1 convolution of which some channels are added to what a buffer has,
  /// and the others a part of it.
  struct DualPath {
    const torch::jit::Node* convolution;
    const torch::jit::Value* joined;
  };
  /// Whether all concatenations of a part, which nothing else reads, come after
  /// the node.
  bool is_joined_behind(const torch::jit::Value* value,
                        const torch::jit::Node* node) const;
  /// Leaves a convolution to the addition of its first channels, where it is
  /// such a one.
  bool waits_for_paths(const torch::jit::Node* node);
  /// path: what the sum, which is `node`, adds.
  void emit_paths(const DualPath& path, const torch::jit::Node* node);

  // engine_plan_convolutions.cpp: convolutions and what they do on the way.

  /// Leaves it to the addition behind it, if it can be part of that.
  bool waits_for_addition(const torch::jit::Node* node);
  Convolution read_convolution(const torch::jit::Node* node) const;
  /// Takes a ReLU behind the node along.
  Ending ending_of(const torch::jit::Node* node);
  void visit_convolution(const torch::jit::Node* node);
  /// Zeros above, below and beside images.
  void visit_padding(const torch::jit::Node* node);
  /// Whether its zeros are channels: a shortcut without parameters.
  bool pads_channels(const torch::jit::Node* node) const;
  void visit_channel_padding(const torch::jit::Node* node);
  void visit_add(const torch::jit::Node* node);
  /// Without the addition that it waited for.
  void emit_pending(const torch::jit::Value* value);
  /// added: what the convolution is added to, or null.
  void emit_convolution(const torch::jit::Node* node,
                        const torch::jit::Value* added, const Ending& ending);
  void emit_packed(const PackedStep& step);
  /// Adds to the value `added`; add: the node that did so.
  void emit_packed_sum(const PackedStep& step, const torch::jit::Value* added,
                       const torch::jit::Node* add);
  /// The node whose step reads what this one does: itself, or the convolution
  /// that a padding is left to.
  const torch::jit::Node* reads_for(const torch::jit::Node* node) const;
  /// Whether what is only read by `reader` from here on may be written over.
  bool may_overwrite(const torch::jit::Value* value,
                     const torch::jit::Node* reader) const;

  // engine_plan_pooling.cpp.

  /// Of a maximum or a mean.
  PoolWindow window_of(const torch::jit::Node* node) const;
  void visit_max_pool(const torch::jit::Node* node);
  /// Where our own kernel knows it.
  std::optional<PoolWindow> average_window(const torch::jit::Node* node) const;
  void visit_average_pool(const torch::jit::Node* node);
  /// Of all pixels.
  void visit_average(const torch::jit::Node* node);
  /// The pooling that may as well come before the convolution, or null.
  const torch::jit::Node* movable_pool(const torch::jit::Node* node,
                                       const Convolution& conv) const;
  /// Takes means of what is in slot `from`.
  void emit_pool(const PoolWindow& window, size_t from, size_t to);
  /// The same, written where it belongs.
  void emit_placed_pool(const PoolWindow& window, size_t from,
                        const Place& place);

  // engine_plan_linear.cpp.

  /// Whether it is x · weight + bias, of a type that our own kernels multiply,
  /// with both known.
  bool is_linear(const torch::jit::Node* node) const;
  void visit_linear(const torch::jit::Node* node);

  // engine_plan_gates.cpp: factors on the channels of each image.

  /// Whether it multiplies images by factors on their channels.
  static bool is_gate(const torch::jit::Node* node);
  void visit_gate(const torch::jit::Node* node);
  /// added: what the product is added to, or null.
  void emit_gate(const torch::jit::Node* node, const torch::jit::Value* added,
                 const Ending& ending);

  EnginePlan& plan_;
  /// Of all its convolutions.
  std::shared_ptr<ScratchPool> scratch_ = std::make_shared<ScratchPool>();
  std::vector<std::vector<size_t>> reads_;     ///< Of each step.
  const torch::jit::Node* current_ = nullptr;  ///< What the next step does.
  /// Nodes done by a step of an earlier node.
  std::set<const torch::jit::Node*> consumed_;
  std::unordered_map<const torch::jit::Value*, Activation> activations_;
  std::unordered_map<const torch::jit::Value*, Padded> padded_;
  /// Convolutions and gates that wait for the addition behind them, by their
  /// outputs.
  std::unordered_map<const torch::jit::Value*, const torch::jit::Node*>
      pending_;
  std::unordered_map<const torch::jit::Value*, DualPath> paths_;
  std::set<const torch::jit::Value*> ready_;  ///< Computed by a step so far.
  std::set<const torch::jit::Value*> own_memory_;  ///< Views of nothing else.
};

}  // namespace skipzoo
