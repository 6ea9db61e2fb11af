#include "tools/weights/write.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <nlohmann/json.hpp>
#include <set>

#include "tools/error.h"
#include "tools/printable.h"
#include "tools/utf8.h"
#include "tools/weights/types.h"
#include "tools/write_whole.h"

namespace skipzoo {

namespace {

/// The types that Python's torch has a storage of, by its own name.
bool is_type_of_pth(at::ScalarType type) {
  static const std::set<at::ScalarType> types = {
      at::kDouble, at::kFloat, at::kHalf,         at::kBFloat16,
      at::kLong,   at::kInt,   at::kShort,        at::kChar,
      at::kByte,   at::kBool,  at::kComplexFloat, at::kComplexDouble};
  return types.contains(type);
}
bool is_type_of_safetensors(at::ScalarType type) {
  return !safetensors_name(type).empty();
}

/// Names that a reader in Python or of JSON would stumble over, and types that
/// the format has not. `other` is a format that may have them.
void check(const std::filesystem::path& path, const NamedTensors& tensors,
           bool (&is_known)(at::ScalarType), const char* other) {
  for (const auto& [name, tensor] : tensors) {
    const auto type = tensor.scalar_type();
    if (!is_utf8(name)) {
      throw FileError(path, "is not written: the name '" + printable(name) +
                                "' is no UTF-8");
    }
    if (!is_known(type)) {
      throw FileError(path, "is not written: " + printable(name) +
                                " is of type " + c10::toString(type) +
                                ", which the format has not; try " + other);
    }
  }
}

std::string safetensors_header(const NamedTensors& tensors) {
  // Entry by entry: one ordered object of all looks through it for each name.
  std::string text = R"({"__metadata__":{"format":"pt"})";
  size_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    const nlohmann::ordered_json entry = {
        {"dtype", safetensors_name(tensor.scalar_type())},
        {"shape", tensor.sizes().vec()},
        {"data_offsets", {at, at + tensor.nbytes()}}};
    text += ',';
    text += nlohmann::json(name).dump() + ":" + entry.dump();
    at += tensor.nbytes();
  }
  text += "}";
  text.append((8 - text.size() % 8) % 8, ' ');  // So that the data are aligned.
  return text;
}

}  // namespace

void write_tensors(caffe2::serialize::PyTorchStreamWriter& writer,
                   const std::string& name, const NamedTensors& tensors) {
  c10::impl::GenericDict dict(c10::AnyType::get(), c10::AnyType::get());
  for (const auto& [key, tensor] : tensors) {
    dict.insert(key, tensor.detach().to(torch::kCPU));
  }
  std::string pickle;
  torch::jit::Pickler pickler(
      [&](const char* data, size_t size) { pickle.append(data, size); },
      nullptr, nullptr, nullptr, nullptr, /*tag_aggregates=*/false);
  pickler.protocol();
  pickler.pushIValue(dict);
  pickler.stop();
  size_t number = 0;
  for (const auto& tensor : pickler.tensorData()) {
    const auto data = torch::jit::getWriteableTensorData(tensor);
    writer.writeRecord(name + "/" + std::to_string(number++), data.data(),
                       data.sizeInBytes());
  }
  writer.writeRecord(name + ".pkl", pickle.data(), pickle.size());
}

void write_archive(
    OutputFile& file,
    const std::function<void(caffe2::serialize::PyTorchStreamWriter&)>& write) {
  write_by(file, [&](const WriteFunction& take) {
    caffe2::serialize::PyTorchStreamWriter writer(take);
    write(writer);
    writer.writeEndOfFile();
  });
}

void write_pth(OutputFile& file, const NamedTensors& tensors) {
  NamedTensors whole;
  for (const auto& [name, tensor] : tensors) {
    // A view would take its whole storage along.
    const bool is_view =
        !tensor.is_contiguous() || tensor.storage().nbytes() != tensor.nbytes();
    whole.emplace_back(
        name, is_view ? tensor.clone(at::MemoryFormat::Contiguous) : tensor);
  }
  write_archive(file,
                [&](auto& writer) { write_tensors(writer, "data", whole); });
}

void write_pth(const std::filesystem::path& path, const NamedTensors& tensors) {
  check(path, tensors, is_type_of_pth, ".safetensors");
  write_output(path, [&](OutputFile& file) { write_pth(file, tensors); });
}

void write_safetensors(OutputFile& file, const NamedTensors& tensors) {
  const std::string header = safetensors_header(tensors);
  for (size_t i = 0; i < 8; ++i) {
    const char byte = static_cast<char>(uint64_t{header.size()} >> (8 * i));
    file.write({&byte, 1});
  }
  file.write(header);
  for (const auto& entry : tensors) {
    const auto tensor = entry.second.to(torch::kCPU).contiguous();
    file.write({static_cast<const char*>(tensor.const_data_ptr()),
                static_cast<size_t>(tensor.nbytes())});
  }
}

void write_safetensors(const std::filesystem::path& path,
                       const NamedTensors& tensors) {
  check(path, tensors, is_type_of_safetensors, ".pth");
  for (const auto& entry : tensors) {
    if (entry.first == "__metadata__") {
      throw FileError(path,
                      "is not written: a tensor cannot be called "
                      "__metadata__ in it; write a .pth");
    }
  }
  write_output(path,
               [&](OutputFile& file) { write_safetensors(file, tensors); });
}

}  // namespace skipzoo
