#pragma once

#include <torch/csrc/jit/ir/ir.h>
#include <torch/types.h>

#include <map>
#include <string>
#include <unordered_map>
#include <vector>

#include "tools/export/program.h"

namespace skipzoo {

/// Grows a graph of ONNX operators beside a program's graph of ATen's.
class OnnxBuilder {
 public:
  using Value = torch::jit::Value;
  using Node = torch::jit::Node;

  /// The inputs: the pictures as "input", and the tensors under their names.
  /// any_size: height and width are free, as the batch always is.
  OnnxBuilder(const Program& program, bool any_size);

  /// What stands for a value of the program; its constants are made on demand.
  Value* value(const Value* from);
  Value* constant(const at::Tensor& tensor);
  Value* constant(const std::vector<int64_t>& numbers);
  /// A node whose output stands for that of `from`.
  Node* emit(const Node& from, const char* op, std::vector<Value*> inputs);
  /// A step on the way there, of the same type and shape.
  Value* step(const Node& from, const char* op, std::vector<Value*> inputs);
  /// An operator that does nothing: its input stands for its output.
  void pass(const Node& from) { made_[from.output()] = value(from.input(0)); }

  /// Makes what stands for `last`, (N, classes), the output.
  void finish(const Value* last, const char* name);

  const std::shared_ptr<torch::jit::Graph>& graph() const { return graph_; }
  const std::map<std::string, at::Tensor>& initialisers() const {
    return initialisers_;
  }

 private:
  Node* create(const char* op, const std::vector<Value*>& inputs);

  std::shared_ptr<torch::jit::Graph> graph_ =
      std::make_shared<torch::jit::Graph>();
  std::map<std::string, at::Tensor> initialisers_;
  std::unordered_map<const Value*, Value*> made_;
};

}  // namespace skipzoo
