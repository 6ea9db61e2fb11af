#include "tools/weights/write.h"

#include <caffe2/serialize/inline_container.h>
#include <torch/csrc/jit/serialization/pickler.h>

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>

#include "tools/error.h"
#include "tools/file.h"

namespace skipzoo {

namespace {

std::string safetensors_type(const std::string& name, at::ScalarType type) {
  static const std::map<at::ScalarType, const char*> types = {
      {at::kDouble, "F64"},    {at::kFloat, "F32"}, {at::kHalf, "F16"},
      {at::kBFloat16, "BF16"}, {at::kLong, "I64"},  {at::kInt, "I32"},
      {at::kShort, "I16"},     {at::kChar, "I8"},   {at::kByte, "U8"},
      {at::kBool, "BOOL"}};
  const auto found = types.find(type);
  if (found == types.end()) {
    throw std::runtime_error(name + ": safetensors has no type for " +
                             c10::toString(type));
  }
  return found->second;
}

std::string safetensors_header(const NamedTensors& tensors) {
  nlohmann::ordered_json header;
  header["__metadata__"] = {{"format", "pt"}};
  size_t at = 0;
  for (const auto& [name, tensor] : tensors) {
    header[name] = {{"dtype", safetensors_type(name, tensor.scalar_type())},
                    {"shape", tensor.sizes().vec()},
                    {"data_offsets", {at, at + tensor.nbytes()}}};
    at += tensor.nbytes();
  }
  std::string text = header.dump();
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

void write_pth(const std::filesystem::path& path, const NamedTensors& tensors) {
  write_whole(path, [&](const std::filesystem::path& beside) {
    NamedTensors whole;
    for (const auto& [name, tensor] : tensors) {
      // A view would take its whole storage along.
      const bool is_view = !tensor.is_contiguous() ||
                           tensor.storage().nbytes() != tensor.nbytes();
      whole.emplace_back(
          name, is_view ? tensor.clone(at::MemoryFormat::Contiguous) : tensor);
    }
    try {
      caffe2::serialize::PyTorchStreamWriter writer(beside.string());
      write_tensors(writer, "data", whole);
      writer.writeEndOfFile();
    } catch (const c10::Error& error) {
      throw FileError(path, "cannot be written (disk full?): " + error.msg());
    }
  });
}

void write_safetensors(const std::filesystem::path& path,
                       const NamedTensors& tensors) {
  const std::string header = safetensors_header(tensors);
  write_whole(path, [&](const std::filesystem::path& beside) {
    std::ofstream file(beside, std::ios::binary);
    for (size_t i = 0; i < 8; ++i) {
      file.put(static_cast<char>(uint64_t{header.size()} >> (8 * i)));
    }
    file << header;
    for (const auto& entry : tensors) {
      const auto tensor = entry.second.to(torch::kCPU).contiguous();
      file.write(static_cast<const char*>(tensor.const_data_ptr()),
                 static_cast<std::streamsize>(tensor.nbytes()));
    }
    file.close();
    if (!file) throw FileError(path, "cannot be written; is the disk full?");
  });
}

}  // namespace skipzoo
