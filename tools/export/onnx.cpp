#define ONNX_NAMESPACE onnx_torch

#include "tools/export/onnx.h"

#include <torch/csrc/jit/ir/constants.h>
#include <torch/csrc/jit/serialization/export.h>

#include <functional>
#include <limits>
#include <unordered_map>

#include "tools/error.h"
#include "tools/export/onnx_builder.h"
#include "tools/protobuf.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

constexpr int64_t kOpset = 17;

std::vector<int64_t> ints(const jit::Value* value) {
  if (value->node()->kind() != at::prim::ListConstruct) {
    return jit::toIValue(value)->toIntVector();
  }
  std::vector<int64_t> numbers;
  for (const auto* input : value->node()->inputs()) {
    numbers.push_back(jit::toIValue(input)->toInt());
  }
  return numbers;
}
/// Of height and width: ATen takes one number for both.
std::vector<int64_t> pair(const jit::Value* value) {
  auto numbers = ints(value);
  if (numbers.size() == 1) numbers.push_back(numbers.front());
  return numbers;
}
int64_t integer(const jit::Value* value) {
  return jit::toIValue(value)->toInt();
}
double number(const jit::Value* value) {
  return jit::toIValue(value)->toScalar().toDouble();
}
int64_t flag(const jit::Value* value) {
  return jit::toIValue(value)->toBool() ? 1 : 0;
}
bool is_none(const jit::Value* value) {
  return value->type()->kind() == c10::TypeKind::NoneType;
}

/// ONNX's number for a type (TensorProto.DataType).
int64_t onnx_type(at::ScalarType type) {
  switch (type) {
    case at::kFloat:
      return 1;
    case at::kByte:
      return 2;
    case at::kLong:
      return 7;
    case at::kHalf:
      return 10;
    default:
      throw ExportError(std::string("ONNX: no export of type ") +
                        c10::toString(type));
  }
}

void set(jit::Node* node, const char* name,
         const std::vector<int64_t>& numbers) {
  node->is_(at::Symbol::attr(name), numbers);
}

void set(jit::Node* node, const char* name, int64_t one) {
  node->i_(at::Symbol::attr(name), one);
}

void set(jit::Node* node, const char* name, double one) {
  node->f_(at::Symbol::attr(name), one);
}
/// The same zeros at both ends.
std::vector<int64_t> twice(std::vector<int64_t> pads) {
  const auto ends = pads;
  pads.insert(pads.end(), ends.begin(), ends.end());
  return pads;
}

void convolution(OnnxBuilder& to, const jit::Node& n) {
  std::vector<jit::Value*> inputs = {to.value(n.input(0)),
                                     to.value(n.input(1))};
  if (!is_none(n.input(2))) inputs.push_back(to.value(n.input(2)));
  jit::Node* conv = to.emit(n, "Conv", inputs);
  set(conv, "strides", pair(n.input(3)));
  set(conv, "pads", twice(pair(n.input(4))));
  set(conv, "dilations", pair(n.input(5)));
  set(conv, "group", integer(n.input(8)));
}

void batch_norm(OnnxBuilder& to, const jit::Node& n) {
  std::vector<jit::Value*> inputs;
  for (size_t i = 0; i < 5; ++i) inputs.push_back(to.value(n.input(i)));
  set(to.emit(n, "BatchNormalization", inputs), "epsilon", number(n.input(7)));
}

void linear(OnnxBuilder& to, const jit::Node& n) {
  // addmm(bias, x, weight.t()): Gemm transposes by itself.
  const jit::Node* transposed = n.input(2)->node();
  TORCH_CHECK(transposed->kind() == at::aten::t, "a linear layer is expected");
  jit::Node* gemm =
      to.emit(n, "Gemm",
              {to.value(n.input(1)), to.value(transposed->input(0)),
               to.value(n.input(0))});
  set(gemm, "transB", int64_t{1});
}

void max_pool(OnnxBuilder& to, const jit::Node& n) {
  jit::Node* pool = to.emit(n, "MaxPool", {to.value(n.input(0))});
  set(pool, "kernel_shape", pair(n.input(1)));
  set(pool, "strides", pair(n.input(2)));
  set(pool, "pads", twice(pair(n.input(3))));
  set(pool, "dilations", pair(n.input(4)));
  set(pool, "ceil_mode", flag(n.input(5)));
}

void average_pool(OnnxBuilder& to, const jit::Node& n) {
  const auto kernel = pair(n.input(1));
  const auto strides = pair(n.input(2));
  jit::Node* pool = to.emit(n, "AveragePool", {to.value(n.input(0))});
  set(pool, "kernel_shape", kernel);
  set(pool, "strides", strides.empty() ? kernel : strides);
  set(pool, "pads", twice(pair(n.input(3))));
  set(pool, "ceil_mode", flag(n.input(4)));
  set(pool, "count_include_pad", flag(n.input(5)));
}

void global_pool(OnnxBuilder& to, const jit::Node& n) {
  if (ints(n.input(1)) != std::vector<int64_t>{1, 1}) {
    throw ExportError("ONNX: adaptive pooling to 1x1 only");
  }
  to.emit(n, "GlobalAveragePool", {to.value(n.input(0))});
}

void flatten(OnnxBuilder& to, const jit::Node& n) {
  set(to.emit(n, "Flatten", {to.value(n.input(0))}), "axis",
      integer(n.input(1)));
}

void concatenate(OnnxBuilder& to, const jit::Node& n) {
  std::vector<jit::Value*> parts;
  for (const auto* part : n.input(0)->node()->inputs()) {
    parts.push_back(to.value(part));
  }
  set(to.emit(n, "Concat", parts), "axis", integer(n.input(1)));
}

void slice(OnnxBuilder& to, const jit::Node& n) {
  const int64_t end = is_none(n.input(3)) ? std::numeric_limits<int64_t>::max()
                                          : integer(n.input(3));
  to.emit(n, "Slice",
          {to.value(n.input(0)), to.constant({integer(n.input(2))}),
           to.constant({end}), to.constant({integer(n.input(1))}),
           to.constant({integer(n.input(4))})});
}

void pad(OnnxBuilder& to, const jit::Node& n) {
  // ATen: last dimension first, (before, after) each; zero is ONNX's default.
  const auto pairs = ints(n.input(1));
  if (number(n.input(2)) != 0) throw ExportError("ONNX: padding by zeros only");
  std::vector<int64_t> pads(8, 0);
  for (size_t i = 0; i < pairs.size() / 2; ++i) {
    pads[3 - i] = pairs[2 * i];
    pads[7 - i] = pairs[2 * i + 1];
  }
  to.emit(n, "Pad", {to.value(n.input(0)), to.constant(pads)});
}

void arithmetic(OnnxBuilder& to, const jit::Node& n, const char* op) {
  if (number(n.input(2)) != 1) throw ExportError("ONNX: alpha of 1 only");
  to.emit(n, op, {to.value(n.input(0)), to.value(n.input(1))});
}

void add(OnnxBuilder& to, const jit::Node& n) { arithmetic(to, n, "Add"); }
void subtract(OnnxBuilder& to, const jit::Node& n) { arithmetic(to, n, "Sub"); }
void divide(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Div", {to.value(n.input(0)), to.value(n.input(1))});
}

void cast(OnnxBuilder& to, const jit::Node& n) {
  const auto type = static_cast<at::ScalarType>(integer(n.input(1)));
  set(to.emit(n, "Cast", {to.value(n.input(0))}), "to", onnx_type(type));
}

void softmax(OnnxBuilder& to, const jit::Node& n) {
  set(to.emit(n, "Softmax", {to.value(n.input(0))}), "axis",
      integer(n.input(1)));
}
/// In evaluation it does nothing.
void dropout(OnnxBuilder& to, const jit::Node& n) { to.pass(n); }

void relu(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Relu", {to.value(n.input(0))});
}

void elu(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Elu", {to.value(n.input(0))});
}

void tanh(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Tanh", {to.value(n.input(0))});
}

void silu(OnnxBuilder& to, const jit::Node& n) {
  jit::Value* x = to.value(n.input(0));
  to.emit(n, "Mul", {x, to.step(n, "Sigmoid", {x})});
}
/// x * (erf(x / sqrt(2)) + 1) / 2: ONNX has its own only from opset 20 on.
void gelu(OnnxBuilder& to, const jit::Node& n) {
  jit::Value* x = to.value(n.input(0));
  const auto type =
      *n.output()->type()->expect<c10::TensorType>()->scalarType();
  const auto scalar = [&](double number) {
    return to.constant(at::scalar_tensor(number, at::TensorOptions(type)));
  };
  jit::Value* erf =
      to.step(n, "Erf", {to.step(n, "Mul", {x, scalar(M_SQRT1_2)})});
  jit::Value* half = to.step(n, "Mul", {x, scalar(0.5)});
  to.emit(n, "Mul", {half, to.step(n, "Add", {erf, scalar(1)})});
}

using Rule = void (*)(OnnxBuilder&, const jit::Node&);

const std::map<std::string, Rule>& rules() {
  static const std::map<std::string, Rule> known = {
      {"aten::_convolution", convolution},
      {"aten::batch_norm", batch_norm},
      {"aten::addmm", linear},
      {"aten::max_pool2d", max_pool},
      {"aten::avg_pool2d", average_pool},
      {"aten::adaptive_avg_pool2d", global_pool},
      {"aten::flatten", flatten},
      {"aten::cat", concatenate},
      {"aten::slice", slice},
      {"aten::constant_pad_nd", pad},
      {"aten::add", add},
      {"aten::sub", subtract},
      {"aten::div", divide},
      {"aten::to", cast},
      {"aten::softmax", softmax},
      {"aten::dropout", dropout},
      {"aten::relu", relu},
      {"aten::elu", elu},
      {"aten::gelu", gelu},
      {"aten::silu", silu},
      {"aten::tanh", tanh}};
  return known;
}

void rewrite(OnnxBuilder& to, const jit::Node& node) {
  // Read where they are used: as attributes, or by value().
  if (node.kind() == at::prim::Constant ||
      node.kind() == at::prim::ListConstruct || node.kind() == at::aten::t) {
    return;
  }
  const std::string op = node.kind().toQualString();
  const auto found = rules().find(op);
  if (found == rules().end()) {
    throw ExportError("ONNX: no rule for the operator " + op);
  }
  found->second(to, node);
}

}  // namespace

std::string to_onnx(const Program& program, bool any_size, bool softmax,
                    const std::map<std::string, std::string>& metadata) {
  const char* output = softmax ? "probabilities" : "logits";
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
