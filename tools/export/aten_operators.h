#pragma once

#include <string_view>

namespace torch::jit {
struct Node;
}  // namespace torch::jit

namespace skipzoo {

class OnnxBuilder;

/// An operator that the program of a network may hold. A new one is a line in
/// the table of aten_operators.cpp, and a function there that writes it.
struct AtenOperator {
  std::string_view name;  ///< With its namespace, as in "aten::relu".
  /// Writes a node of it as ONNX; throws ExportError where it is used in a way
  /// that ONNX has not. Null: an archive that is loaded may hold it, but no
  /// trace of a network does.
  void (*write_onnx)(OnnxBuilder& to, const torch::jit::Node& node);
};

/// The one of that name, or null.
const AtenOperator* find_aten_operator(std::string_view name);

}  // namespace skipzoo
