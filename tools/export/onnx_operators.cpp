#include "tools/export/onnx_operators.h"

#include <torch/types.h>

#include <stdexcept>
#include <vector>

#include "tools/export/onnx_types.h"

namespace skipzoo {

namespace {

/// One operator's inputs and attributes, by the names of the standard.
class Call {
 public:
  Call(const OnnxModel::Node& node, const OnnxValues& values)
      : node_(node), values_(values) {}

  size_t count() const { return node_.inputs.size(); }
  const torch::Tensor& input(size_t i) const {
    const auto found = values_.find(node_.inputs.at(i));
    if (found == values_.end()) {
      throw std::runtime_error("no value '" + node_.inputs.at(i) + "'");
    }
    return found->second;
  }
  std::vector<torch::Tensor> inputs() const {
    std::vector<torch::Tensor> all;
    for (size_t i = 0; i < count(); ++i) all.push_back(input(i));
    return all;
  }
  int64_t integer(const char* name, int64_t otherwise = 0) const {
    const auto found = node_.attributes.find(name);
    return found == node_.attributes.end() ? otherwise : found->second.integer;
  }
  double number(const char* name) const {
    return node_.attributes.at(name).number;
  }
  /// One for each of height and width, as the standard has it.
  std::vector<int64_t> pair(const char* name) const {
    return integers(name, 2);
  }
  const std::vector<int64_t>& integers(const char* name) const {
    return node_.attributes.at(name).integers;
  }
  const torch::Tensor& tensor(const char* name) const {
    return node_.attributes.at(name).tensor;
  }
  /// The zeros before each dimension; after it there are as many.
  std::vector<int64_t> pads() const {
    auto pads = integers("pads", 4);
    for (size_t i = 0; i < pads.size() / 2; ++i) {
      if (pads[i] != pads[i + pads.size() / 2]) {
        throw std::runtime_error("pads that differ before and after");
      }
    }
    pads.resize(pads.size() / 2);
    return pads;
  }

 private:
  const std::vector<int64_t>& integers(const char* name, size_t count) const {
    const auto& found = integers(name);
    if (found.size() != count) {
      throw std::runtime_error(node_.op + "." + name + " has " +
                               std::to_string(found.size()) + " numbers");
    }
    return found;
  }

  const OnnxModel::Node& node_;
  const OnnxValues& values_;
};

torch::Tensor convolution(const Call& call) {
  const auto bias = call.count() > 2 ? call.input(2) : torch::Tensor();
  return at::conv2d(call.input(0), call.input(1), bias, call.pair("strides"),
                    call.pads(), call.pair("dilations"),
                    call.integer("group", 1));
}

torch::Tensor batch_norm(const Call& call) {
  return at::batch_norm(call.input(0), call.input(1), call.input(2),
                        call.input(3), call.input(4), /*training=*/false, 0,
                        call.number("epsilon"), /*cudnn_enabled=*/false);
}

torch::Tensor pool(const Call& call, bool max) {
  const auto kernel = call.pair("kernel_shape");
  const auto strides = call.pair("strides");
  const bool ceil = call.integer("ceil_mode") != 0;
  return max ? at::max_pool2d(call.input(0), kernel, strides, call.pads(),
                              call.pair("dilations"), ceil)
             : at::avg_pool2d(call.input(0), kernel, strides, call.pads(), ceil,
                              call.integer("count_include_pad") != 0);
}

torch::Tensor slice(const Call& call) {
  const auto one = [&](size_t i) { return call.input(i).item<int64_t>(); };
  return call.input(0).slice(one(3), one(1), one(2), one(4));
}

torch::Tensor pad(const Call& call) {
  const auto pads = call.input(1);
  const int64_t rank = pads.numel() / 2;
  std::vector<int64_t> reversed;
  for (int64_t d = rank; d-- > 0;) {
    reversed.push_back(pads[d].item<int64_t>());
    reversed.push_back(pads[rank + d].item<int64_t>());
  }
  return at::constant_pad_nd(call.input(0), reversed);
}

torch::Tensor gemm(const Call& call) {
  const auto b = call.input(1);
  return at::addmm(call.input(2), call.input(0),
                   call.integer("transB") != 0 ? b.t() : b);
}

using Operator = torch::Tensor (*)(const Call&);

const std::map<std::string, Operator>& operators() {
  static const std::map<std::string, Operator> known = {
      {"Conv", convolution},
      {"BatchNormalization", batch_norm},
      {"MaxPool", [](const Call& c) { return pool(c, true); }},
      {"AveragePool", [](const Call& c) { return pool(c, false); }},
      {"GlobalAveragePool",
       [](const Call& c) {
         return c.input(0).mean({2, 3}, true);
       }},
      {"ReduceMean",
       [](const Call& c) {
         return c.input(0).mean(c.integers("axes"),
                                c.integer("keepdims", 1) != 0);
       }},
      {"Flatten",
       [](const Call& c) { return c.input(0).flatten(c.integer("axis", 1)); }},
      {"Gemm", gemm},
      {"Concat",
       [](const Call& c) { return at::cat(c.inputs(), c.integer("axis")); }},
      {"Slice", slice},
      {"Transpose",
       [](const Call& c) { return c.input(0).permute(c.integers("perm")); }},
      {"Unsqueeze",
       [](const Call& c) {
         return c.input(0).unsqueeze(c.input(1).item<int64_t>());
       }},
      {"Pad", pad},
      {"Softmax",
       [](const Call& c) { return c.input(0).softmax(c.integer("axis", -1)); }},
      {"Cast",
       [](const Call& c) {
         return c.input(0).to(type_of_onnx(c.integer("to")));
       }},
      {"Constant", [](const Call& c) { return c.tensor("value"); }},
      {"Add", [](const Call& c) { return c.input(0) + c.input(1); }},
      {"Sub", [](const Call& c) { return c.input(0) - c.input(1); }},
      {"Mul", [](const Call& c) { return c.input(0) * c.input(1); }},
      {"Div", [](const Call& c) { return c.input(0) / c.input(1); }},
      {"Relu", [](const Call& c) { return c.input(0).relu(); }},
      {"Elu", [](const Call& c) { return at::elu(c.input(0)); }},
      {"Erf", [](const Call& c) { return c.input(0).erf(); }},
      {"Sigmoid", [](const Call& c) { return c.input(0).sigmoid(); }},
      {"Tanh", [](const Call& c) { return c.input(0).tanh(); }}};
  return known;
}

}  // namespace

torch::Tensor run_onnx_node(const OnnxModel::Node& node,
                            const OnnxValues& values) {
  const auto found = operators().find(node.op);
  if (found == operators().end()) {
    throw std::runtime_error("no such operator here: " + node.op);
  }
  return found->second(Call(node, values));
}

}  // namespace skipzoo
