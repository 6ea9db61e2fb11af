#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "models/tensor.h"

namespace skipzoo {

/// An ONNX model read back, and run by ATen: as much of the standard as
/// to_onnx() writes, for comparing an export with its network.
class OnnxModel {
 public:
  /// Throws std::runtime_error where it is damaged.
  explicit OnnxModel(std::string_view bytes);

  /// The output for a batch of pictures. Throws std::runtime_error naming an
  /// operator that is not known here.
  torch::Tensor run(const torch::Tensor& pictures) const;

  /// What stands beside the graph.
  const std::map<std::string, std::string>& metadata() const {
    return metadata_;
  }
  const std::map<std::string, torch::Tensor>& initialisers() const {
    return initialisers_;
  }

  struct Attribute {
    int64_t integer = 0;
    float number = 0;
    std::vector<int64_t> integers;
    torch::Tensor tensor;
  };
  struct Node {
    std::string op;
    std::vector<std::string> inputs;
    std::vector<std::string> outputs;
    std::map<std::string, Attribute> attributes;
  };

 private:
  void read_graph(std::string_view message);

  std::vector<Node> nodes_;
  std::map<std::string, torch::Tensor> initialisers_;
  std::map<std::string, std::string> metadata_;
  std::string input_;
  std::string output_;
};

}  // namespace skipzoo
