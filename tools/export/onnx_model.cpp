#include "tools/export/onnx_model.h"

#include <torch/types.h>

#include <bit>
#include <cstring>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/protobuf.h"

namespace skipzoo {

namespace {

using Node = OnnxModel::Node;
using Values = std::map<std::string, torch::Tensor>;

at::ScalarType type_of(uint64_t onnx_type) {
  switch (onnx_type) {
    case 1:
      return at::kFloat;
    case 2:
      return at::kByte;
    case 7:
      return at::kLong;
    case 10:
      return at::kHalf;
    default:
      throw std::runtime_error("a tensor of ONNX type " +
                               std::to_string(onnx_type));
  }
}

/// TensorProto: dims 1, data_type 2, name 8, raw_data 9.
torch::Tensor read_tensor(std::string_view message, std::string& name) {
  std::vector<int64_t> sizes;
  uint64_t type = 0;
  std::string_view data;
  for_each_field(message, [&](const ProtoField& field) {
    const auto add = [&](uint64_t size) {
      sizes.push_back(static_cast<int64_t>(size));
    };
    if (field.number == 1 && field.bytes.empty()) add(field.integer);
    if (field.number == 1) for_each_varint(field.bytes, add);
    if (field.number == 2) type = field.integer;
    if (field.number == 8) name = field.bytes;
    if (field.number == 9) data = field.bytes;
  });
  // Before memory is asked for: the sizes may be of any tensor.
  const auto scalar = type_of(type);
  auto bytes = static_cast<int64_t>(c10::elementSize(scalar));
  for (const auto size : sizes) {
    if (size < 1) {
      throw std::runtime_error("tensor '" + name + "' has a size of " +
                               std::to_string(size));
    }
    bytes = checked_multiply(bytes, size);
  }
  if (static_cast<uint64_t>(bytes) != data.size()) {
    throw std::runtime_error("tensor '" + name + "' has other than its data");
  }
  auto tensor = torch::empty(sizes, scalar);
  std::memcpy(tensor.mutable_data_ptr(), data.data(), data.size());
  return tensor;
}

/// AttributeProto: name 1, f 2, i 3, t 5, ints 8.
void read_attribute(std::string_view message, Node& node) {
  std::string name, ignored;
  OnnxModel::Attribute attribute;
  for_each_field(message, [&](const ProtoField& field) {
    const auto add = [&](uint64_t one) {
      attribute.integers.push_back(static_cast<int64_t>(one));
    };
    if (field.number == 1) name = field.bytes;
    if (field.number == 2) {
      attribute.number =
          std::bit_cast<float>(static_cast<uint32_t>(field.integer));
    }
    if (field.number == 3)
      attribute.integer = static_cast<int64_t>(field.integer);
    if (field.number == 5) attribute.tensor = read_tensor(field.bytes, ignored);
    if (field.number == 8 && field.bytes.empty()) add(field.integer);
    if (field.number == 8) for_each_varint(field.bytes, add);
  });
  node.attributes[name] = attribute;
}

/// NodeProto: input 1, output 2, op_type 4, attribute 5.
Node read_node(std::string_view message) {
  Node node;
  for_each_field(message, [&](const ProtoField& field) {
    if (field.number == 1) node.inputs.emplace_back(field.bytes);
    if (field.number == 2) node.outputs.emplace_back(field.bytes);
    if (field.number == 4) node.op = field.bytes;
    if (field.number == 5) read_attribute(field.bytes, node);
  });
  return node;
}

/// One operator's inputs and attributes, by the names of the standard.
class Call {
 public:
  Call(const Node& node, const Values& values) : node_(node), values_(values) {}

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
    const auto& found = node_.attributes.at(name).integers;
    if (found.size() != count) {
      throw std::runtime_error(node_.op + "." + name + " has " +
                               std::to_string(found.size()) + " numbers");
    }
    return found;
  }

  const Node& node_;
  const Values& values_;
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
      {"Flatten",
       [](const Call& c) { return c.input(0).flatten(c.integer("axis", 1)); }},
      {"Gemm", gemm},
      {"Concat",
       [](const Call& c) { return at::cat(c.inputs(), c.integer("axis")); }},
      {"Slice", slice},
      {"Pad", pad},
      {"Softmax",
       [](const Call& c) { return c.input(0).softmax(c.integer("axis", -1)); }},
      {"Cast",
       [](const Call& c) {
         return c.input(0).to(type_of(static_cast<uint64_t>(c.integer("to"))));
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

/// ModelProto: graph 7, metadata_props 14.
OnnxModel::OnnxModel(std::string_view bytes) {
  for_each_field(bytes, [&](const ProtoField& field) {
    if (field.number == 7) read_graph(field.bytes);
    if (field.number == 14) {
      std::string pair[2];
      for_each_field(field.bytes, [&](const ProtoField& part) {
        if (part.number == 1 || part.number == 2) {
          pair[part.number - 1] = part.bytes;
        }
      });
      metadata_[pair[0]] = pair[1];
    }
  });
  if (nodes_.empty()) throw std::runtime_error("not an ONNX model");
}

/// GraphProto: node 1, initializer 5, input 11, output 12; name 1 in those two.
void OnnxModel::read_graph(std::string_view message) {
  const auto name_in = [](std::string_view info) {
    std::string name;
    for_each_field(info, [&](const ProtoField& field) {
      if (field.number == 1) name = field.bytes;
    });
    return name;
  };
  for_each_field(message, [&](const ProtoField& field) {
    if (field.number == 1) nodes_.push_back(read_node(field.bytes));
    if (field.number == 5) {
      std::string name;
      const auto tensor = read_tensor(field.bytes, name);
      initialisers_[name] = tensor;
    }
    if (field.number == 11) input_ = name_in(field.bytes);
    if (field.number == 12) output_ = name_in(field.bytes);
  });
}

torch::Tensor OnnxModel::run(const torch::Tensor& pictures) const {
  const torch::NoGradGuard no_grad;
  Values values = initialisers_;
  values[input_] = pictures;
  for (const auto& node : nodes_) {
    const auto found = operators().find(node.op);
    if (found == operators().end()) {
      throw std::runtime_error("no such operator here: " + node.op);
    }
    values[node.outputs.at(0)] = found->second(Call(node, values));
  }
  return values.at(output_);
}

}  // namespace skipzoo
