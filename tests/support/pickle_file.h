#pragma once

#include <caffe2/serialize/inline_container.h>

#include <filesystem>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "models/named_tensors.h"
#include "tests/support/tensors.h"

namespace skipzoo {

/// A file as torch.save writes it, of values put together opcode by opcode
/// (protocol 2): any object that a Python program could have saved.
class PickleFile {
 public:
  using Value = std::string;
  using Pairs = std::vector<std::pair<Value, Value>>;

  static Value text(const std::string& text) {
    return "X" + little_endian(text.size()) + text;
  }
  static Value integer(int32_t number) {
    return "J" + little_endian(static_cast<uint32_t>(number));
  }
  static Value dict(const Pairs& pairs) {
    Value value = "}(";
    for (const auto& [key, item] : pairs) value += key + item;
    return value + "u";
  }
  static Value list(const std::vector<Value>& items) {
    Value value = "](";
    for (const auto& item : items) value += item;
    return value + "e";
  }
  static Value tuple(const std::vector<Value>& items) {
    Value value = "(";
    for (const auto& item : items) value += item;
    return value + "t";
  }
  /// What calling module.name gives; an object of that type.
  static Value call(const std::string& module, const std::string& name,
                    const std::vector<Value>& arguments = {}) {
    return global(module, name) + tuple(arguments) + "R";
  }

  /// An object with that state, as a network that is saved whole.
  static Value object(const std::string& module, const std::string& name,
                      const Value& state) {
    return call(module, name) + state + "b";
  }
  /// An object of a class derived from dict.
  static Value derived_dict(const std::string& module, const std::string& name,
                            const Pairs& pairs) {
    return call(module, name) + dict(pairs).substr(1);
  }

  /// A float tensor.
  Value tensor(const torch::Tensor& values) {
    const auto floats = values.to(torch::kFloat).contiguous();
    storages_.push_back(floats);
    const auto count = static_cast<int32_t>(floats.numel());
    const auto storage =
        tuple({text("storage"), global("torch", "FloatStorage"),
               text(std::to_string(storages_.size() - 1)), text("cpu"),
               integer(count)});
    return call("torch._utils", "_rebuild_tensor_v2",
                {storage + "Q", integer(0), sizes(floats.sizes()),
                 sizes(floats.strides()), "\x89", dict({})});
  }
  Value zeros(std::vector<int64_t> shape) {
    return tensor(torch::zeros(shape));
  }
  Value state_dict(const NamedTensors& tensors) {
    Pairs pairs;
    for (const auto& [name, values] : tensors) {
      pairs.emplace_back(text(name), tensor(values));
    }
    return dict(pairs);
  }

  void write(const std::filesystem::path& path, const Value& value) const {
    caffe2::serialize::PyTorchStreamWriter writer(path.string());
    const std::string pickle = "\x80\x02" + value + ".";
    for (size_t i = 0; i < storages_.size(); ++i) {
      writer.writeRecord("data/" + std::to_string(i),
                         storages_[i].const_data_ptr(), storages_[i].nbytes());
    }
    writer.writeRecord("data.pkl", pickle.data(), pickle.size());
    writer.writeEndOfFile();
  }

 private:
  static Value global(const std::string& module, const std::string& name) {
    return "c" + module + "\n" + name + "\n";
  }
  static Value sizes(at::IntArrayRef numbers) {
    std::vector<Value> items;
    for (const auto number : numbers) {
      items.push_back(integer(static_cast<int32_t>(number)));
    }
    return tuple(items);
  }
  static std::string little_endian(uint64_t number) {
    std::string bytes;
    for (int i = 0; i < 4; ++i) {
      bytes += static_cast<char>(number >> (8 * i) & 255);
    }
    return bytes;
  }

  std::vector<torch::Tensor> storages_;
};

}  // namespace skipzoo
