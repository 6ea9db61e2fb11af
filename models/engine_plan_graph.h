#pragma once

// Internal to models/engine_*.cpp: a program's graph as those read it that make
// plans of it.

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <cstdint>
#include <map>
#include <optional>
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
  /// Where a value lies in the buffer of a dense block.
  struct Place {
    size_t buffer;    ///< Slot.
    int64_t channel;  ///< Its first; of a concatenation, behind its last.
    int64_t width;    ///< Of the buffer.
  };
  /// A list of values, made anew in each run.
  struct List {
    std::vector<size_t> reads;
    size_t to;
    c10::TypePtr element;
    /// slots: by number, of either plan.
    template <typename Slots>
    void operator()(Slots& slots) const {
      c10::impl::GenericList list(element);
      for (const size_t read : reads) list.push_back(slots[read]);
      slots[to] = list;
    }
  };

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
  /// Whether all parts of a concatenation may lie in one buffer.
  bool can_share_buffer(const torch::jit::Node* longest) const;
  /// Whether it may be part of a buffer, and is of none so far.
  bool can_be_part(const torch::jit::Value* value) const;
  /// Gives a buffer to concatenations that are each the beginning of `longest`,
  /// and their parts places in it.
  void share_buffer(const std::vector<const torch::jit::Node*>& cats,
                    const torch::jit::Node* longest);
  /// Nothing of a list of a buffer's parts, which nobody reads.
  std::optional<List> list_of(const torch::jit::Node* node);
  /// For each step, the slots that no later one reads. reads: of each step;
  /// kept: what is read after the last.
  std::vector<std::vector<size_t>> last_reads(
      const std::vector<std::vector<size_t>>& reads, size_t kept) const;

  const Program& program_;
  /// What slots hold before a run: constants and weights.
  std::vector<c10::IValue> initial_;
  std::unordered_map<const torch::jit::Value*, Place> places_;

 private:
  void find_constant_list(const torch::jit::Node* node);

  std::unordered_map<const torch::jit::Value*, c10::IValue> constants_;
  std::unordered_map<const torch::jit::Value*, size_t> slots_;
};

}  // namespace skipzoo
