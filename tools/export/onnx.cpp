#define ONNX_NAMESPACE onnx_torch

#include "tools/export/onnx.h"

#include <torch/csrc/jit/serialization/export.h>

#include <unordered_map>

#include "tools/error.h"
#include "tools/export/aten_operators.h"
#include "tools/export/onnx_builder.h"
#include "tools/protobuf.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

constexpr int64_t kOpset = 17;

void rewrite(OnnxBuilder& to, const jit::Node& node) {
  const std::string name = node.kind().toQualString();
  const auto* known = find_aten_operator(name);
  if (known == nullptr || known->write_onnx == nullptr) {
    throw ExportError("ONNX: no rule for the operator " + name);
  }
  known->write_onnx(to, node);
}

}  // namespace

std::string to_onnx(const Program& program, bool any_size, bool probabilities,
                    const std::map<std::string, std::string>& metadata) {
  const char* output = probabilities ? "probabilities" : "logits";
  OnnxBuilder builder(program, any_size);
  for (const auto* node : program.graph->nodes()) rewrite(builder, *node);
  builder.finish(program.graph->outputs().front(), output);
  std::unordered_map<int64_t, std::string> free_sizes = {{0, "batch"}};
  if (any_size) free_sizes.insert({{2, "height"}, {3, "width"}});
  const auto result = jit::export_onnx(
      builder.graph(), builder.initialisers(), kOpset,
      {{"input", free_sizes}, {output, {{0, "batch"}}}},
      /*defer_weight_export=*/false, torch::onnx::OperatorExportTypes::ONNX,
      /*strip_doc_string=*/true, /*keep_initializers_as_inputs=*/false);
  std::string bytes = jit::serialize_model_proto_to_string(std::get<0>(result));
  // ModelProto.metadata_props, field 14. A message may be continued by more of
  // its fields (protobuf, "Updating a message type").
  for (const auto& [key, text] : metadata) {
    append_field(bytes, 14, proto_field(1, key) + proto_field(2, text));
  }
  return bytes;
}

}  // namespace skipzoo
