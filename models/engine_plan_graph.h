#pragma once

// Internal to models/engine_*.cpp: a program's graph as those read it that make
// plans of it.

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <cstdint>
#include <map>
#include <unordered_map>
#include <vector>

#include "models/program.h"

namespace skipzoo {

/// Who reads what, what is known before a run, and the slots that values have
/// in a run.
class PlanGraph {
 public:
  /// Concatenations that begin with each other, by what all begin with.
  using Blocks =
      std::map<const torch::jit::Value*, std::vector<const torch::jit::Node*>>;

 protected:
  explicit PlanGraph(const Program& program) : program_(program) {}

  /// Null where there is not exactly one use.
  static const torch::jit::Node* only_user(const torch::jit::Value* value);
  /// Of one image; empty where the trace does not tell.
  static std::vector<int64_t> shape_of(const torch::jit::Value* value);
  /// Of images; 0 where the trace does not tell.
  static int64_t channels(const torch::jit::Value* value);

  /// Finds them: before anything below is asked for.
  void find_constants();
  bool is_constant(const torch::jit::Value* value) const {
    return constants_.contains(value);
  }
  const c10::IValue& constant(const torch::jit::Value* value) const {
    return constants_.at(value);
  }
  bool is_weight(const torch::jit::Value* value) const {
    return is_constant(value) && constant(value).isTensor();
  }

  /// Of this value, made when first asked for.
  size_t slot(const torch::jit::Value* value);
  /// Of no value in the graph.
  size_t new_slot();

  /// Whether it is a convolution of images, not transposed, whose weight is
  /// known.
  bool convolves_by_constants(const torch::jit::Node* node) const;
  /// Whether the addition behind it, of that value, may be part of it.
  bool takes_addition(const torch::jit::Node* node,
                      const torch::jit::Node* add) const;

  /// What dense blocks leave: concatenations each of which begins with the one
  /// before it.
  Blocks find_blocks() const;
  /// For each step, the slots that no later one reads. reads: of each step;
  /// kept: what is read after the last.
  std::vector<std::vector<size_t>> last_reads(
      const std::vector<std::vector<size_t>>& reads, size_t kept) const;

  const Program& program_;
  /// What slots hold before a run: constants and weights.
  std::vector<c10::IValue> initial_;

 private:
  void find_constant_list(const torch::jit::Node* node);

  std::unordered_map<const torch::jit::Value*, c10::IValue> constants_;
  std::unordered_map<const torch::jit::Value*, size_t> slots_;
};

}  // namespace skipzoo
