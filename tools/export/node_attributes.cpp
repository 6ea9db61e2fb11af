#include "tools/export/node_attributes.h"

#include <torch/csrc/jit/ir/constants.h>

namespace skipzoo {

namespace jit = torch::jit;

std::vector<int64_t> ints_of(const jit::Value* input) {
  if (input->node()->kind() != at::prim::ListConstruct) {
    return jit::toIValue(input)->toIntVector();
  }
  std::vector<int64_t> numbers;
  for (const auto* element : input->node()->inputs()) {
    numbers.push_back(jit::toIValue(element)->toInt());
  }
  return numbers;
}

std::vector<int64_t> pair_of(const jit::Value* input) {
  auto numbers = ints_of(input);
  if (numbers.size() == 1) numbers.push_back(numbers.front());
  return numbers;
}

int64_t integer_of(const jit::Value* input) {
  return jit::toIValue(input)->toInt();
}

double number_of(const jit::Value* input) {
  return jit::toIValue(input)->toScalar().toDouble();
}

int64_t flag_of(const jit::Value* input) {
  return jit::toIValue(input)->toBool() ? 1 : 0;
}

bool is_none(const jit::Value* input) {
  return input->type()->kind() == c10::TypeKind::NoneType;
}

void set_attribute(jit::Node* node, const char* name,
                   const std::vector<int64_t>& numbers) {
  node->is_(at::Symbol::attr(name), numbers);
}

void set_attribute(jit::Node* node, const char* name, int64_t one) {
  node->i_(at::Symbol::attr(name), one);
}

void set_attribute(jit::Node* node, const char* name, double one) {
  node->f_(at::Symbol::attr(name), one);
}

}  // namespace skipzoo
