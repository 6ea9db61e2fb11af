#pragma once

#include <filesystem>
#include <string>

#include "models/named_tensors.h"

namespace caffe2::serialize {
class PyTorchStreamWriter;
}

namespace skipzoo {

/// Writes a state dict as torch.save does: Python's
/// torch.load(weights_only=True) reads it. Written beside and renamed. Throws
/// FileError.
void write_pth(const std::filesystem::path& path, const NamedTensors& tensors);

/// Writes Hugging Face's format, tensors one behind the other in the order
/// given.
void write_safetensors(const std::filesystem::path& path,
                       const NamedTensors& tensors);

/// Writes `name`.pkl, a dict of tensors as Python pickles it, and their data
/// into a zip that may hold more.
void write_tensors(caffe2::serialize::PyTorchStreamWriter& writer,
                   const std::string& name, const NamedTensors& tensors);

}  // namespace skipzoo
