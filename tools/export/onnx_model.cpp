#include "tools/export/onnx_model.h"

#include <torch/types.h>

#include <bit>
#include <cstring>
#include <stdexcept>

#include "tools/checked.h"
#include "tools/export/onnx_operators.h"
#include "tools/export/onnx_types.h"
#include "tools/protobuf.h"

namespace skipzoo {

namespace {

using Node = OnnxModel::Node;

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
  const auto scalar = type_of_onnx(static_cast<int64_t>(type));
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
  OnnxValues values = initialisers_;
  values[input_] = pictures;
  for (const auto& node : nodes_) {
    values[node.outputs.at(0)] = run_onnx_node(node, values);
  }
  return values.at(output_);
}

}  // namespace skipzoo
