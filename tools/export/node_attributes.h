#pragma once

#include <torch/csrc/jit/ir/ir.h>

#include <cstdint>
#include <vector>

namespace skipzoo {

// The numbers of a node: ATen has them as constant inputs, ONNX as attributes.

std::vector<int64_t> ints_of(const torch::jit::Value* input);
/// Of height and width: ATen takes one number for both.
std::vector<int64_t> pair_of(const torch::jit::Value* input);
int64_t integer_of(const torch::jit::Value* input);
double number_of(const torch::jit::Value* input);
int64_t flag_of(const torch::jit::Value* input);
bool is_none(const torch::jit::Value* input);

void set_attribute(torch::jit::Node* node, const char* name,
                   const std::vector<int64_t>& numbers);
void set_attribute(torch::jit::Node* node, const char* name, int64_t one);
void set_attribute(torch::jit::Node* node, const char* name, double one);

}  // namespace skipzoo
