#include "tools/export/onnx_builder.h"

#include <torch/csrc/jit/ir/constants.h>

namespace skipzoo {

namespace jit = torch::jit;

namespace {

/// A type with sizes that are known, or free where there is none.
c10::TypePtr dynamic(at::ScalarType type,
                     const std::vector<std::optional<int64_t>>& sizes) {
  std::vector<c10::ShapeSymbol> symbols;
  for (const auto& size : sizes) {
    symbols.push_back(size ? c10::ShapeSymbol::fromStaticSize(*size)
                           : c10::ShapeSymbol::newSymbol());
  }
  return c10::TensorType::create(
      type, at::kCPU, c10::SymbolicShape(std::move(symbols)),
      c10::VaryingShape<c10::Stride>(sizes.size()), /*requires_grad=*/false);
}

}  // namespace

OnnxBuilder::OnnxBuilder(const Program& program, bool any_size) {
  const auto inputs = program.graph->inputs();
  const auto type = inputs.front()->type()->expect<c10::TensorType>();
  const auto sizes = *type->sizes().concrete_sizes();
  using Size = std::optional<int64_t>;
  Value* pictures = graph_->addInput("input");
  pictures->setType(
      dynamic(*type->scalarType(),
              {std::nullopt, sizes[1], any_size ? Size() : Size(sizes[2]),
               any_size ? Size() : Size(sizes[3])}));
  made_[inputs.front()] = pictures;

  const std::map<std::string, at::Tensor> tensors(program.tensors.begin(),
                                                  program.tensors.end());
  for (const auto* input : inputs.slice(1)) {
    const auto name = input->debugName();
    Value* made = graph_->addInput(name);
    made->setType(c10::TensorType::create(tensors.at(name)));
    initialisers_[name] = tensors.at(name).detach().contiguous();
    made_[input] = made;
  }
}

jit::Value* OnnxBuilder::value(const Value* from) {
  const auto found = made_.find(from);
  if (found != made_.end()) return found->second;
  const auto number = jit::toIValue(from);
  TORCH_CHECK(number, "no constant: ", from->debugName());
  return made_[from] = constant(number->isTensor()
                                    ? number->toTensor()
                                    : at::scalar_tensor(number->toScalar()));
}

jit::Value* OnnxBuilder::constant(const at::Tensor& tensor) {
  Node* node = create("Constant", {});
  node->t_(at::attr::value, tensor.contiguous());
  node->output()->setType(c10::TensorType::create(tensor));
  return node->output();
}

jit::Value* OnnxBuilder::constant(const std::vector<int64_t>& numbers) {
  return constant(torch::tensor(numbers, torch::kLong));
}

jit::Node* OnnxBuilder::create(const char* op,
                               const std::vector<Value*>& inputs) {
  const auto kind = at::Symbol::fromQualString(std::string("onnx::") + op);
  return graph_->appendNode(graph_->create(kind, inputs));
}

jit::Node* OnnxBuilder::emit(const Node& from, const char* op,
                             std::vector<Value*> inputs) {
  Node* node = create(op, inputs);
  node->output()->setType(from.output()->type());
  made_[from.output()] = node->output();
  return node;
}

jit::Value* OnnxBuilder::step(const Node& from, const char* op,
                              std::vector<Value*> inputs) {
  Value* output = create(op, inputs)->output();
  output->setType(from.output()->type());
  return output;
}

void OnnxBuilder::finish(const Value* last, const char* name) {
  Value* output = made_.at(last);
  const auto sizes =
      last->type()->expect<c10::TensorType>()->sizes().concrete_sizes();
  output->setType(dynamic(at::kFloat, {std::nullopt, sizes->at(1)}));
  output->setDebugName(name);
  graph_->registerOutput(output);
}

}  // namespace skipzoo
