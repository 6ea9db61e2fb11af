#include "tools/export/aten_operators.h"

#include <algorithm>
#include <iterator>
#include <limits>
#include <numeric>

#include "tools/error.h"
#include "tools/export/node_attributes.h"
#include "tools/export/onnx_builder.h"
#include "tools/export/onnx_types.h"

namespace skipzoo {

namespace jit = torch::jit;

namespace {

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
  set_attribute(conv, "strides", pair_of(n.input(3)));
  set_attribute(conv, "pads", twice(pair_of(n.input(4))));
  set_attribute(conv, "dilations", pair_of(n.input(5)));
  set_attribute(conv, "group", integer_of(n.input(8)));
}

void batch_norm(OnnxBuilder& to, const jit::Node& n) {
  std::vector<jit::Value*> inputs;
  for (size_t i = 0; i < 5; ++i) inputs.push_back(to.value(n.input(i)));
  set_attribute(to.emit(n, "BatchNormalization", inputs), "epsilon",
                number_of(n.input(7)));
}

void linear(OnnxBuilder& to, const jit::Node& n) {
  // addmm(bias, x, weight.t()): Gemm transposes by itself.
  const jit::Node* transposed = n.input(2)->node();
  TORCH_CHECK(transposed->kind() == at::aten::t, "a linear layer is expected");
  jit::Node* gemm =
      to.emit(n, "Gemm",
              {to.value(n.input(1)), to.value(transposed->input(0)),
               to.value(n.input(0))});
  set_attribute(gemm, "transB", int64_t{1});
}

void max_pool(OnnxBuilder& to, const jit::Node& n) {
  jit::Node* pool = to.emit(n, "MaxPool", {to.value(n.input(0))});
  set_attribute(pool, "kernel_shape", pair_of(n.input(1)));
  set_attribute(pool, "strides", pair_of(n.input(2)));
  set_attribute(pool, "pads", twice(pair_of(n.input(3))));
  set_attribute(pool, "dilations", pair_of(n.input(4)));
  set_attribute(pool, "ceil_mode", flag_of(n.input(5)));
}

void average_pool(OnnxBuilder& to, const jit::Node& n) {
  const auto kernel = pair_of(n.input(1));
  const auto strides = pair_of(n.input(2));
  jit::Node* pool = to.emit(n, "AveragePool", {to.value(n.input(0))});
  set_attribute(pool, "kernel_shape", kernel);
  set_attribute(pool, "strides", strides.empty() ? kernel : strides);
  set_attribute(pool, "pads", twice(pair_of(n.input(3))));
  set_attribute(pool, "ceil_mode", flag_of(n.input(4)));
  set_attribute(pool, "count_include_pad", flag_of(n.input(5)));
}

void global_pool(OnnxBuilder& to, const jit::Node& n) {
  if (ints_of(n.input(1)) != std::vector<int64_t>{1, 1}) {
    throw ExportError("ONNX: adaptive pooling to 1x1 only");
  }
  to.emit(n, "GlobalAveragePool", {to.value(n.input(0))});
}

void mean(OnnxBuilder& to, const jit::Node& n) {
  // mean(x, dims, keepdim, dtype); of all there is, it is mean(x, dtype).
  if (n.inputs().size() != 4 || is_none(n.input(1)) || !is_none(n.input(3))) {
    throw ExportError("ONNX: a mean over given dimensions only");
  }
  jit::Node* reduced = to.emit(n, "ReduceMean", {to.value(n.input(0))});
  set_attribute(reduced, "axes", ints_of(n.input(1)));
  set_attribute(reduced, "keepdims", flag_of(n.input(2)));
}

void flatten(OnnxBuilder& to, const jit::Node& n) {
  set_attribute(to.emit(n, "Flatten", {to.value(n.input(0))}), "axis",
                integer_of(n.input(1)));
}

void concatenate(OnnxBuilder& to, const jit::Node& n) {
  std::vector<jit::Value*> parts;
  for (const auto* part : n.input(0)->node()->inputs()) {
    parts.push_back(to.value(part));
  }
  set_attribute(to.emit(n, "Concat", parts), "axis", integer_of(n.input(1)));
}

void transpose(OnnxBuilder& to, const jit::Node& n) {
  const auto rank = n.output()->type()->expect<c10::TensorType>()->dim();
  if (!rank) throw ExportError("ONNX: a transposition of a known rank only");
  const auto count = static_cast<int64_t>(*rank);
  std::vector<int64_t> order(*rank);
  std::iota(order.begin(), order.end(), 0);
  const auto place = [&](size_t input) {
    const int64_t dimension = integer_of(n.input(input));
    return static_cast<size_t>(dimension < 0 ? dimension + count : dimension);
  };
  std::swap(order.at(place(1)), order.at(place(2)));
  set_attribute(to.emit(n, "Transpose", {to.value(n.input(0))}), "perm", order);
}

void unsqueeze(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Unsqueeze",
          {to.value(n.input(0)), to.constant({integer_of(n.input(1))})});
}

void slice(OnnxBuilder& to, const jit::Node& n) {
  const int64_t end = is_none(n.input(3)) ? std::numeric_limits<int64_t>::max()
                                          : integer_of(n.input(3));
  to.emit(n, "Slice",
          {to.value(n.input(0)), to.constant({integer_of(n.input(2))}),
           to.constant({end}), to.constant({integer_of(n.input(1))}),
           to.constant({integer_of(n.input(4))})});
}

void pad(OnnxBuilder& to, const jit::Node& n) {
  // ATen: last dimension first, (before, after) each; zero is ONNX's default.
  const auto pairs = ints_of(n.input(1));
  if (number_of(n.input(2)) != 0)
    throw ExportError("ONNX: padding by zeros only");
  std::vector<int64_t> pads(8, 0);
  for (size_t i = 0; i < pairs.size() / 2; ++i) {
    pads[3 - i] = pairs[2 * i];
    pads[7 - i] = pairs[2 * i + 1];
  }
  to.emit(n, "Pad", {to.value(n.input(0)), to.constant(pads)});
}

/// A number of the type that a node's output has.
jit::Value* scalar(OnnxBuilder& to, const jit::Node& n, double number) {
  const auto type = n.output()->type()->expect<c10::TensorType>()->scalarType();
  return to.constant(at::scalar_tensor(number, at::TensorOptions(*type)));
}

/// Of a tensor and another, or a number, whose type ONNX does not adapt.
void arithmetic(OnnxBuilder& to, const jit::Node& n, const char* op) {
  const jit::Value* other = n.input(1);
  const bool is_tensor = other->type()->kind() == c10::TypeKind::TensorType;
  to.emit(n, op,
          {to.value(n.input(0)),
           is_tensor ? to.value(other) : scalar(to, n, number_of(other))});
}

/// ATen's add and sub can multiply the other by a number, alpha.
void sum(OnnxBuilder& to, const jit::Node& n, const char* op) {
  if (number_of(n.input(2)) != 1) throw ExportError("ONNX: alpha of 1 only");
  arithmetic(to, n, op);
}

void add(OnnxBuilder& to, const jit::Node& n) { sum(to, n, "Add"); }
void subtract(OnnxBuilder& to, const jit::Node& n) { sum(to, n, "Sub"); }
void multiply(OnnxBuilder& to, const jit::Node& n) { arithmetic(to, n, "Mul"); }
void divide(OnnxBuilder& to, const jit::Node& n) { arithmetic(to, n, "Div"); }

void cast(OnnxBuilder& to, const jit::Node& n) {
  const auto type = static_cast<at::ScalarType>(integer_of(n.input(1)));
  set_attribute(to.emit(n, "Cast", {to.value(n.input(0))}), "to",
                onnx_number_of(type));
}

void softmax(OnnxBuilder& to, const jit::Node& n) {
  set_attribute(to.emit(n, "Softmax", {to.value(n.input(0))}), "axis",
                integer_of(n.input(1)));
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

void sigmoid(OnnxBuilder& to, const jit::Node& n) {
  to.emit(n, "Sigmoid", {to.value(n.input(0))});
}

void silu(OnnxBuilder& to, const jit::Node& n) {
  jit::Value* x = to.value(n.input(0));
  to.emit(n, "Mul", {x, to.step(n, "Sigmoid", {x})});
}

/// x * (erf(x / sqrt(2)) + 1) / 2: ONNX has its own only from opset 20 on.
void gelu(OnnxBuilder& to, const jit::Node& n) {
  jit::Value* x = to.value(n.input(0));
  jit::Value* scaled = to.step(n, "Mul", {x, scalar(to, n, M_SQRT1_2)});
  jit::Value* erf = to.step(n, "Erf", {scaled});
  jit::Value* half = to.step(n, "Mul", {x, scalar(to, n, 0.5)});
  to.emit(n, "Mul", {half, to.step(n, "Add", {erf, scalar(to, n, 1)})});
}

/// Read where it is used: as an attribute, or by OnnxBuilder::value().
void leave_to_reader(OnnxBuilder&, const jit::Node&) {}

constexpr AtenOperator kOperators[] = {
    {"prim::Constant", leave_to_reader},
    {"prim::GetAttr", nullptr},
    {"prim::ListConstruct", leave_to_reader},
    {"aten::_convolution", convolution},
    {"aten::batch_norm", batch_norm},
    {"aten::addmm", linear},
    {"aten::linear", nullptr},
    {"aten::t", leave_to_reader},
    {"aten::matmul", nullptr},
    {"aten::max_pool2d", max_pool},
    {"aten::avg_pool2d", average_pool},
    {"aten::adaptive_avg_pool2d", global_pool},
    {"aten::mean", mean},
    {"aten::flatten", flatten},
    {"aten::cat", concatenate},
    {"aten::slice", slice},
    {"aten::transpose", transpose},
    {"aten::unsqueeze", unsqueeze},
    {"aten::pad", nullptr},
    {"aten::constant_pad_nd", pad},
    {"aten::add", add},
    {"aten::sub", subtract},
    {"aten::mul", multiply},
    {"aten::div", divide},
    {"aten::to", cast},
    {"aten::softmax", softmax},
    {"aten::dropout", dropout},
    {"aten::relu", relu},
    {"aten::elu", elu},
    {"aten::gelu", gelu},
    {"aten::sigmoid", sigmoid},
    {"aten::silu", silu},
    {"aten::tanh", tanh}};

}  // namespace

const AtenOperator* find_aten_operator(std::string_view name) {
  const auto* found = std::ranges::find(kOperators, name, &AtenOperator::name);
  return found == std::end(kOperators) ? nullptr : found;
}

}  // namespace skipzoo
